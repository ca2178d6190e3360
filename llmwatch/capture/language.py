# ruff: noqa: E501, RUF001  (tables of words and patterns in many scripts, a row a line)
"""The language a text is written in, from its script and its commonest words, in microseconds.

A heuristic for grouping calls, never for judging a text: unsure is None. Must never raise and never import a model.
"""

import re

_FIRST_CHARS = 160
_MAX_CHARS = 1000

_SCRIPTS = tuple(
    (language, re.compile(pattern))
    for language, pattern in (
        ("ja", "[\u3040-\u30ff]+"),
        ("ko", "[\uac00-\ud7a3]+"),
        ("zh", "[\u4e00-\u9fff\u3400-\u4dbf]+"),
        ("ru", "[\u0400-\u04ff]+"),
        ("ar", "[\u0600-\u06ff]+"),
        ("hi", "[\u0900-\u097f]+"),
        ("th", "[\u0e00-\u0e7f]+"),
        ("he", "[\u0590-\u05ff]+"),
        ("el", "[\u0370-\u03ff]+"),
        ("bn", "[\u0980-\u09ff]+"),
        ("ta", "[\u0b80-\u0bff]+"),
        ("te", "[\u0c00-\u0c7f]+"),
        ("ka", "[\u10a0-\u10ff]+"),
        ("hy", "[\u0530-\u058f]+"),
    )
)
_ANY_SCRIPT = re.compile("[\u0370-\u1fff\u3040-\ud7a3]")
_LETTERS = re.compile(r"[^\W\d_]+")

# Letters that tell a language from its neighbour in the same script.
_NEIGHBOURS = (
    ("ru", re.compile("[іїєґ]"), "uk"),
    ("ar", re.compile("[ٹڈڑے]"), "ur"),
    ("ar", re.compile("[پچژگ]"), "fa"),
)

_COMMON_WORDS = {
    "en": "the of and to in is that it for was on are as with his they be at this have from or had by but not what all were we when your "
    "can said there an each which she do how their if will about many then them would like so these her has more could been who its did my "
    "you i he please yes no i'm it's don't our out up also should here where why any some than into moved within price like know",
    "de": "der die und das den von zu mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er hat dass sie nach wird bei "
    "einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man sein wurde ich wir ihr du kann "
    "können bitte ja nein wenn was hier unser ihre mein dieser diese sehr gibt habe muss soll einige möchte gerne drei zwei tage heute jetzt innerhalb kommt preis",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec son aux ou cette mais nous vous "
    "je elle on ils être été fait sa ses leur leurs y comme tout même si d'une c'est n'est qu'il j'ai l'on bien peut votre notre mes très "
    "voici merci avoir sans entre donc ces où aussi tous voudrais trois deux jours jour maintenant faire savoir prix",
    "es": "de la que el en y a los del se las por un para con no una su al lo como más pero sus le ya o este sí porque esta entre cuando muy "
    "sin sobre también me hasta hay donde quien desde todo nos durante todos uno les ni contra otros ese eso ante ellos e es son está "
    "fue ser tiene puede usted nuestro mi gracias hola cómo qué han siempre estoy tu gustaría tres dos días día hoy ahora hacer saber precio quiero necesito tarde producto trasladado llegará",
    "pt": "de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu sua ou ser quando muito há "
    "nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos ter seus quem nas me esse eles estão você tinha foram "
    "essa num nem suas meu às minha têm numa pelos nós obrigado olá são pode esta este isto vou gostaria três dois dias dia hoje agora fazer saber preço deste desta neste nesta ainda produto tarde",
    "it": "di e il la che è in un a per non una sono mi si ho lo ma ti ha cosa le con i no da se come io ci questo qui hai sei del bene tu sì "
    "gli della al nel più ai dei alla delle anche dal era sua suo loro o stato nella perché quando essere tutto dell molto può "
    "grazie ciao questa hanno nostro l'ha c'è dove dopo solo fatto alle sul sulla degli dalla ogni prima senza voi noi siamo vorrei tre due giorni giorno oggi ora fare sapere prezzo entro stata prodotto",
    "nl": "de het een en van ik te dat die in is niet op zijn met voor aan er om ook als dan maar bij of uit nog naar heeft ze we wordt hebben "
    "je deze door over kan wat werd zo geen veel mijn niet waar omdat hoe jij u onze worden zou moet",
    "sv": "och att det i en jag är som på för med av inte den till har de ett om var men så från vi kan när nu ska hur eller mycket efter "
    "också blir sig han hon sin där alla",
    "pl": "i w na z nie to się do że jest jak o ale po co tak za od jego by przez są dla czy tym już tylko może być ten ta które który oraz "
    "mnie mi ma jestem proszę dziękuję bardzo",
    "tr": "bir ve bu için ne da de ile çok daha olarak gibi var ben mi kadar sonra olan değil ama en her o ya ki evet hayır nasıl lütfen "
    "olduğu şey biz sen",
    "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke karena tersebut bisa ada mereka lebih kami atau adalah "
    "sudah oleh anda kita",
}
_WORD_LANGUAGES: dict[str, tuple[str, ...]] = {}
for _language, _words in _COMMON_WORDS.items():
    for _word in set(_words.split()):
        _WORD_LANGUAGES[_word] = (*_WORD_LANGUAGES.get(_word, ()), _language)
# A word that only one language has says more than one that four share.
_WORD_SCORES = {
    word: tuple((language, 3.0 / len(languages)) for language in languages)
    for word, languages in _WORD_LANGUAGES.items()
}
_LETTER_LANGUAGES = {
    "ß": "de", "ä": "de", "ö": "de", "ü": "de", "ñ": "es", "¿": "es", "¡": "es", "ã": "pt", "õ": "pt", "ç": "fr", "ê": "fr", "è": "it",
    "ò": "it", "ù": "it", "ł": "pl", "ż": "pl", "ę": "pl", "ą": "pl", "ş": "tr", "ğ": "tr", "ı": "tr", "å": "sv", "œ": "fr", "î": "fr",
}  # fmt: skip
_VIETNAMESE = re.compile("[ơưđạảấầẩậắằặẹẻẽếềểệọỏốồổộớờởợụủứừửựỳỵỷỹ]")
_LETTER_SCORE = 1.5
_MIN_SCORE = 4.0
_MIN_LEAD = 1.25
_ENOUGH_CHARS = 200


def language_of(text: str) -> str | None:
    """ISO 639-1 code of the language of the text's first thousand characters; None when unsure."""
    sample = text[:_FIRST_CHARS]
    if not sample.isascii():
        found = _by_script(sample)
        if found:
            return found
    # Two hundred characters of prose are nearly always enough, and this runs twice in every call.
    found = _by_words(sample[:_ENOUGH_CHARS])
    if found is None and len(text) > _ENOUGH_CHARS:
        found = _by_words(text[:_MAX_CHARS])
    return found


def _by_script(sample: str) -> str | None:
    if not _ANY_SCRIPT.search(sample):
        return None
    counts = {language: sum(map(len, pattern.findall(sample))) for language, pattern in _SCRIPTS}
    letters = sum(map(len, _LETTERS.findall(sample)))
    # Japanese mixes kana with Chinese characters; a tenth of kana is enough to tell.
    if counts["ja"] * 10 >= counts["zh"] and counts["ja"]:
        counts["ja"] += counts["zh"]
    language = max(counts, key=counts.__getitem__)
    # One character of these scripts says about as much as three Latin letters.
    if counts[language] < 2 or counts[language] * 3 < letters - counts[language]:
        return None
    return next(
        (other for script, letter, other in _NEIGHBOURS if script == language and letter.search(sample)), language
    )


def _by_words(sample: str) -> str | None:
    scores: dict[str, float] = {}
    words = sample.lower().replace("\u2019", "'").split()
    for word in words:
        entry = _WORD_SCORES.get(word) or _WORD_SCORES.get(word.strip('.,;:!?"()¿¡*«»“”'))
        if entry:
            for language, score in entry:
                scores[language] = scores.get(language, 0.0) + score
    if not sample.isascii():
        _add_letters(sample.lower(), scores)
    if not scores:
        return None
    best = max(scores, key=scores.__getitem__)
    second = max((score for language, score in scores.items() if language != best), default=0.0)
    # Code and JSON hold a stray common word; prose holds one in three or four.
    is_prose = scores[best] >= max(_MIN_SCORE, 0.12 * len(words))
    return best if is_prose and scores[best] >= _MIN_LEAD * second else None


def _add_letters(sample: str, scores: dict[str, float]) -> None:
    if len(_VIETNAMESE.findall(sample)) >= 3:
        scores["vi"] = 100.0
    for letter in set(sample).intersection(_LETTER_LANGUAGES):
        language = _LETTER_LANGUAGES[letter]
        scores[language] = scores.get(language, 0.0) + _LETTER_SCORE
