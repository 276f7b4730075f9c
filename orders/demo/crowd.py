"""The demo's customers: invented people and companies, in real towns."""

from dataclasses import dataclass, replace
from random import Random

from orders.domain.order_data import AddressData
from orders.models.customers import normalise

# One string each, so that the lists stay readable.
_FIRST_NAMES = """
    Adèle Agathe Aïcha Alban Amandine Anaïs André Anne-Sophie Antoine Apolline Arnaud Aurélie Awa Baptiste
    Bénédicte Bénédict Bénilde Benjamin Benoît Bérénice Blandine Camille Capucine Cécile Céleste Charlotte
    Chloé Clément Clémence Corentin Cyrielle Damien Delphine Éléonore Élise Élodie Émile Emmanuelle
    Estelle Étienne Eugénie Fabien Faïza Fanny Félix Florent François Gaëlle Gaspard Geneviève Géraldine
    Gilles Guénolé Hélène Hippolyte Hugo Inès Irène Isabelle Jean-Baptiste Jean-François Jérôme Joëlle
    Joséphine Julie Karim Katia Laëtitia Laurent Léa Léopold Lionel Loïc Louise Lucas Ludivine Madeleine
    Maël Maëlys Manon Margaux Marie-Noëlle Martin Mathéo Mélanie Mickaël Mohamed Muriel Nadège Naïm
    Nathalie Nicolas Noé Noémie Océane Odile Olivier Ondine Ousmane Pascale Perrine Philippe Pierre
    Quentin Rachid Raphaëlle Rémi Romain Rose Sabrina Salomé Samuel Séverine Simone Solange Sophie Sylvain
    Tatiana Théo Thérèse Thibault Tiphaine Ugo Valérie Victoire Vincent Violette Xavier Yaël Yann Yannick
    Yvonne Zacharie Zélie Zoé
"""
_LAST_NAMES = """
    Allard Arnoux Aubry Barbier Baudouin Beauchêne Bénard Benoist Béraud Berthelot Bessière Blanchard
    Boissière Bonnet Bouchard Boulanger Bréchet Briand Carpentier Castéra Chauvin Chevallier Collignon
    Coulibaly Courtois Crépin Daguerre Danjou Delacroix Delaunay Desbois Desrosiers Diallo Dubois Dufrêne
    Dumoulin Durand Escoffier Esnault Fabre Faucher Ferreira Fléchet Fontaine Forestier Gaillard Garcia
    Gauthier Gérard Giraud Gonçalves Granger Guérin Guyot Haddad Hamel Henry Hervé Hubert Imbert Jacquet
    Jaouen Joly Jourdan Kaddouri Keller Laborde Lacroix Lambert Laurençon Lavigne Lebrun Leclercq Lefèvre
    Léger Lemoine Leroy Lévêque Loiseau Maçon Magnin Maillard Marchand Martinez Masson Mercier Meunier
    Michaud Millet Monnier Moulin Müller Nguyen Nicolas Noël Oliveira Ollivier Paquet Pelletier Pérez
    Perrot Petit Picard Poirier Prévost Quéméner Raynaud Renard Rivière Rolland Rousseau Roussel Sabatier
    Salaün Sauvage Schneider Séguin Simonet Tanguy Tessier Thévenet Traoré Vasseur Verdier Vidal
    Villeneuve Weber Zimmermann Le_Goff Le_Bihan de_La_Tour d’Arbois N’Guyen Saint-Denis Dos_Santos
    El_Amrani Ait-Saïd
"""
_STREETS = """
    rue de la République, rue Victor-Hugo, avenue Jean-Jaurès, rue des Lilas, chemin du Moulin, place de
    l’Église, rue Émile-Zola, boulevard Gambetta, rue du Général-Leclerc, impasse des Acacias, allée des
    Tilleuls, quai des Brumes, rue Saint-Jacques, route de Paris, rue des Écoles, cours Lafayette, rue de
    la Fontaine, sentier des Vignes, rue Pasteur, avenue de la Gare, rue du Four, place du Marché, rue
    Haute, rue de l’Hôtel-de-Ville
"""
_TOWNS = """
    35000 Rennes, 69003 Lyon, 44000 Nantes, 31000 Toulouse, 33000 Bordeaux, 59000 Lille, 67000 Strasbourg,
    34000 Montpellier, 13006 Marseille, 75011 Paris, 75015 Paris, 06000 Nice, 38000 Grenoble, 21000 Dijon,
    49000 Angers, 29200 Brest, 76000 Rouen, 42000 Saint-Étienne, 63000 Clermont-Ferrand, 87000 Limoges,
    37000 Tours, 80000 Amiens, 57000 Metz, 54000 Nancy, 66000 Perpignan, 25000 Besançon, 45000 Orléans,
    56000 Vannes, 64000 Pau, 17000 La Rochelle, 73000 Chambéry, 74000 Annecy, 26000 Valence, 84000
    Avignon, 30000 Nîmes, 46000 Cahors, 12000 Rodez, 05000 Gap, 88000 Épinal, 22300 Lannion, 79000 Niort,
    48000 Mende, 07000 Privas, 09000 Foix, 94300 Vincennes, 92100 Boulogne-Billancourt, 93100 Montreuil
"""


def _listed(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split(",")]


FIRST_NAMES = _FIRST_NAMES.split()
LAST_NAMES = [name.replace("_", " ") for name in _LAST_NAMES.split()]
STREETS = _listed(_STREETS)
TOWNS = _listed(_TOWNS)
MORE = ("Bâtiment B", "Appartement 12", "3e étage, porte gauche", "Résidence Les Pins", "Lieu-dit Kergoat")
COMPANIES = (
    "Institut Belle Mine",
    "Hôtel du Parc & Spa",
    "Biocoop des Halles",
    "Gîte La Grange aux Loups",
    "Pharmacie du Vieux-Pont",
    "Mairie de Saint-Aubin",
    "Épicerie Chez Léonie",
    "Studio Yoga Soleil",
    "Comité d’entreprise Rhône-Métal",
    "Salon Coup d’Œil",
)
MAILBOXES = ("courriel.example", "boite.example", "poste.example")


@dataclass(frozen=True)
class Buyer:
    """Somebody who buys; ``account`` is the storefront's customer id, empty for a guest."""

    name: str
    email: str
    address: AddressData
    phone: str = ""
    account: str = ""


def buyer(rng: Random, name: str, *, company: str = "", account: str = "", tag: str = "") -> Buyer:
    """Give a name what belongs to it: an address, a mailbox, a telephone that nobody has."""
    postcode, _blank, city = rng.choice(TOWNS).partition(" ")
    address = AddressData(
        name=name,
        company=company,
        address_1=f"{rng.randint(1, 148)} {rng.choice(STREETS)}",
        address_2=rng.choice(MORE) if rng.random() < 0.18 else "",
        postcode=postcode,
        city=city,
        country="FR",
    )
    # 06 39 98 is what France keeps for films and books.
    phone = f"06 39 98 {rng.randrange(100):02} {rng.randrange(100):02}" if rng.random() < 0.8 else ""
    return Buyer(name, f"{_mailbox(name or company)}{tag}@{rng.choice(MAILBOXES)}", address, phone, account)


def _mailbox(name: str) -> str:
    words = "".join(
        letter if letter.isalnum() and letter.isascii() else " " for letter in normalise(name)
    ).split()
    return ".".join(words) or "client"


class Crowd:
    """Everybody who buys in the demo; the same people come back."""

    def __init__(self, rng: Random, size: int) -> None:
        self.rng = rng
        self.taken: set[str] = set()
        self.accounts = 1000
        self.people = [self.newcomer() for _ in range(max(size, 1))]

    def anyone(self) -> Buyer:
        """Somebody; the first are the best customers."""
        return self.people[int(len(self.people) * self.rng.random() ** 1.6)]

    def newcomer(self) -> Buyer:
        """A person, or now and then a company."""
        rng = self.rng
        name = f"{rng.choice(FIRST_NAMES)} {rng.choice(LAST_NAMES)}"
        company = rng.choice(COMPANIES) if rng.random() < 0.06 else ""
        return self.named(name, company=company, is_guest=rng.random() < 0.4)

    def named(self, name: str, *, company: str = "", is_guest: bool = False) -> Buyer:
        """A person of this name, with an address that nobody else has."""
        self.accounts += self.rng.randint(1, 9)
        made = buyer(self.rng, name, company=company, account="" if is_guest else str(self.accounts))
        if made.email in self.taken:
            made = replace(made, email=made.email.replace("@", f"{self.accounts}@"))
        self.taken.add(made.email)
        return made

    def nameless(self) -> Buyer:
        """A guest who left a mailbox and nothing else that names them."""
        made = self.named("", is_guest=True)
        return replace(made, address=replace(made.address, address_1="", address_2=""))
