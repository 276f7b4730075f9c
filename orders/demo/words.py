"""What the demo's people write."""

CUSTOMER_NOTES = (
    "Merci de laisser le colis chez le gardien si je suis absente.",
    "C’est pour un anniversaire : pourriez-vous ne pas mettre la facture dans le colis ? Merci !",
    "Digicode 47B12, 2e étage à droite.",
    "Livraison après 18 h si possible.",
    "Je suis allergique aux fruits à coque, merci de me prévenir si la recette a changé.",
    "Un petit mot à joindre : « Bon rétablissement, on t’embrasse. Léa & Hugo »",
    "Bonjour, possible de grouper avec ma commande de la semaine dernière ?",
    "Attention, le camion ne passe pas dans l’impasse : merci de m’appeler.",
    "Merci pour votre travail, vos produits sont formidables !",
    "Sans plastique si vous pouvez, je garde les cartons pour mon compost.",
    "Le nom sur la boîte aux lettres est « Lefèvre-N’Guyen ».",
    "Je passerai samedi matin vers 10 h.",
)
PRIVATE_NOTES = (
    "Cliente fidèle : glisser un échantillon.",
    "A appelé pour changer d’étage, adresse vérifiée.",
    "Carton renforcé : le dernier envoi était arrivé abîmé.",
    "Attendre le réassort de jeudi avant de préparer.",
    "Ne pas joindre la facture, c’est un cadeau.",
    "Vérifier la date de durabilité du lot avant d’emballer.",
    "Virement annoncé par téléphone, relevé à contrôler lundi.",
    "Préfère le retrait ; a les clés du local.",
)
NOTES_TO_CUSTOMERS = (
    "Bonjour, votre colis part demain matin : il attendait une référence. Merci de votre patience !",
    "Bonjour, nous avons ajouté un échantillon de notre nouvelle crème. Bonne découverte !",
)
DAMAGED = (
    "Flacon arrivé cassé, photo reçue.",
    "Un article manquait dans le colis.",
    "Erreur de parfum : remboursé, la cliente garde l’article.",
    "Pot fêlé pendant le transport.",
)
RETURNED = (
    "Retour sous 14 jours, article intact.",
    "Ne convient pas, renvoyé non ouvert.",
    "Commandé en double.",
)
GESTURES = ("Geste commercial : livraison en retard.", "Code promo oublié, différence remboursée.")
STOPPED = ("Rupture de stock, cliente prévenue.", "Annulée à la demande du client avant l’envoi.")
EXPIRED = "Impayée depuis 7 jours."
CANCELLED_BY_STAFF = "Le client s’est rétracté auprès de la place de marché."
UNPAID = ("Chèque jamais reçu.", "Virement non reçu après deux relances.")
REOPENED = "Colis revenu « destinataire inconnu », à renvoyer à la bonne adresse."
BROKEN = "Un article est arrivé cassé."
