# What .ci/run and .ci/nightly share: steps with their durations, the tools, a PostgreSQL of their own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
unset DATABASE_URL DATABASE_REPLICA_URL VAR_DIR

work=$(mktemp -d)
bin=.venv/bin
step_name="the start"
closing_line=""
trap finish EXIT

# Announce and run one step: step NAME COMMAND…
step() {
    step_name=$1
    shift
    local started=$SECONDS
    printf '\n--- %s\n' "$step_name"
    "$@"
    printf -- '--- %s: %s s\n' "$step_name" $((SECONDS - started))
}

# Run a command that ends in pytest and keep its closing line. With none_is_fine=yes, no test at all will do.
tests() {
    local code=0 line
    "$@" 2>&1 | tee "$work/tests.log" || code=$?
    line=$(grep -E 'passed.* in [0-9.]+s' "$work/tests.log" | tail -n 1 || true)
    closing_line=${line:-$closing_line}
    if [[ $code == 5 && ${none_is_fine:-} == yes ]]; then code=0; fi
    return "$code"
}

# Clean up; end on pytest's closing line, or on the step that failed.
finish() {
    local code=$?
    stop_postgresql
    rm -rf "$work"
    if ((code == 0)); then
        printf '\n%s\n' "$closing_line"
    else
        printf '\nFailed: %s\n' "$step_name"
    fi
}

install_tools() {
    python3 -c 'import bootstrap, pathlib; bootstrap.install(pathlib.Path(".ci/requirements.txt"))'
}

install_system_packages() {
    local missing=()
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >"$work/found" || missing+=(postgresql)
    command -v chromium >"$work/found" || missing+=(chromium)
    command -v xgettext >"$work/found" || missing+=(gettext)
    command -v pdftotext >"$work/found" || missing+=(poppler-utils)
    if ((${#missing[@]} == 0)); then return; fi
    echo "Installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}" >"$work/apt.log"
}

# PostgreSQL refuses to run as root.
as_postgres() {
    if ((EUID == 0)); then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

# Start a cluster that lives as long as this script. Sorts by ICU's French rules, where an index and
# a comparison that only suit the C locale show themselves.
start_postgresql() {
    local programs=(/usr/lib/postgresql/*/bin) settings port
    postgresql=${programs[-1]}
    cluster=$work/postgresql/cluster
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    settings="-p $port -k $work/postgresql -c listen_addresses=127.0.0.1"
    settings+=" -c fsync=off -c full_page_writes=off -c synchronous_commit=off"
    mkdir "$work/postgresql"
    if ((EUID == 0)); then
        chmod 755 "$work"
        chown postgres "$work/postgresql"
    fi
    as_postgres "$postgresql/initdb" --pgdata "$cluster" --username comptoir --auth trust --encoding UTF8 \
        --locale C.UTF-8 --locale-provider icu --icu-locale fr-FR >"$work/initdb.log"
    as_postgres "$postgresql/pg_ctl" start --wait --silent --pgdata "$cluster" \
        --log "$work/postgresql/log" --options "$settings" </dev/null
    as_postgres "$postgresql/createdb" --host "$work/postgresql" --port "$port" --username comptoir comptoir
    postgresql_url=postgres://comptoir@127.0.0.1:$port/comptoir
}

stop_postgresql() {
    if [[ -e ${cluster:-}/postmaster.pid ]]; then
        as_postgres "$postgresql/pg_ctl" stop --silent --mode immediate --pgdata "$cluster"
    fi
}
