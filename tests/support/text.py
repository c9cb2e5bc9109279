"""A few sentences in six languages, enough to train toy vocabularies on."""

from typing import Final

SENTENCES: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "The battery lasts two days and charges in an hour.",
        "I sent it back because the zip broke after a week.",
        "Good sound, but the cable is far too short.",
        "My daughter loves the red one, and so do I.",
        "It arrived late and the box was open.",
        "Would I buy it again? Yes, at half the price.",
        "The 3 screws in the bag did not fit.",
        "Nothing special, it does what it should.",
    ),
    "de": (
        "Der Akku hält zwei Tage und lädt in einer Stunde.",
        "Ich habe es zurückgeschickt, weil der Reißverschluss riss.",
        "Guter Klang, aber das Kabel ist viel zu kurz.",
        "Meine Tochter mag das rote, und ich auch.",
        "Es kam zu spät an, und der Karton war offen.",
        "Würde ich es noch einmal kaufen? Ja, zum halben Preis.",
        "Die 3 Schrauben in der Tüte passten nicht.",
        "Nichts Besonderes, es tut, was es soll.",
    ),
    "es": (
        "La batería dura dos días y se carga en una hora.",
        "Lo devolví porque la cremallera se rompió a la semana.",
        "Buen sonido, pero el cable es demasiado corto.",
        "A mi hija le encanta el rojo, y a mí también.",
        "Llegó tarde y la caja estaba abierta.",
        "¿Lo compraría otra vez? Sí, a mitad de precio.",
        "Los 3 tornillos de la bolsa no encajaban.",
        "Nada especial, hace lo que debe.",
    ),
    "fr": (
        "La batterie tient deux jours et se recharge en une heure.",
        "Je l'ai renvoyé, car la fermeture a cassé en une semaine.",
        "Bon son, mais le câble est beaucoup trop court.",
        "Ma fille adore le rouge, et moi aussi.",
        "Il est arrivé en retard et le carton était ouvert.",
        "Est-ce que je le rachèterais ? Oui, à moitié prix.",
        "Les 3 vis du sachet n'allaient pas.",
        "Rien de spécial, il fait ce qu'il doit.",
    ),
    "ja": (
        "電池は二日もち、一時間で充電できます。",
        "一週間でファスナーが壊れたので返品しました。",
        "音は良いですが、コードが短すぎます。",
        "娘は赤いのが大好きで、私も気に入っています。",
        "届くのが遅く、箱は開いていました。",
        "また買うかと聞かれたら、半額なら買います。",
        "袋に入っていた3本のねじは合いませんでした。",
        "特別なところはないけれど、ちゃんと使えます。",
    ),
    "zh": (
        "电池能用两天,一小时就能充满。",
        "拉链一个星期就坏了,所以我退货了。",
        "音质不错,可是线实在太短了。",
        "我女儿很喜欢红色的,我也喜欢。",
        "送到得很晚,箱子还是开着的。",
        "还会再买吗?半价的话会买。",
        "袋子里的3颗螺丝都装不上。",
        "没什么特别的,够用就行。",
    ),
}
"""Language tag to sentences."""
