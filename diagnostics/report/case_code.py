"""A short name for a report, to be said over a bad telephone line: two common Spanish words and a number, «mesa-tigre-407».

It follows from the run's random id alone, so every rendering and every copy of one report has the same one, and it tells nothing
else.  It finds a report again, it does not protect it: 26 bits, one chance pair among some 8 000 reports.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Final

from diagnostics.model import Report

WORDS: Final = tuple(
    """
    abeja abrigo aceite agua aguja ala alambre alcalde aldea alegre alfombra algodon almohada altar amarillo amigo ancla anillo
    antena arbol arcilla arena armario arroz asiento avion azucar bahia balcon ballena banco bandera barba barrio baston batalla
    baul bebida bicicleta bigote billete blanco bloque bodega bola bolsa bomba bosque botella botica brazo brisa brocha bronce bruja
    buque burro caballo cabeza cabra cadena cafe caldo calle camello camino camisa campana canario canela canoa canto capitan
    caracol carbon carpeta carta casa casco castillo cebolla cereza cesta chivo cielo ciervo cinta circo ciruela clavo cobre cocina
    coco cohete collar columna cometa conejo copa corazon corcho corona correo cosecha crema cuadro cuarto cubo cuchara cuello
    cuerda cuerno cueva dado delfin desierto diente dulce durazno eco elefante enano escalera escoba escudo espejo espiga espuma
    estrella estufa falda faro fiesta flauta flecha flor foca fogata fresa frijol fruta fuente galleta gallo ganso garza gato
    girasol globo goma gorra grano guante guitarra harina helado hierba higo hoja hombro horno hotel huerta hueso isla jabon jarra
    jaula jinete joya juguete lago lampara lancha lapiz laurel lechuza leon libro limon linterna llave lluvia lobo luna madera
    maleta mango manta mapa marea martillo medalla melon mesa miel molino moneda monte mosca mula muro naranja nido nieve nube nuez
    oficina olla oveja palma paloma panal papel pastel perla piano piedra pino pirata piscina planeta plaza pluma pozo regalo reloj
    remo roble rueda sabana selva semilla silla sombra tambor taza techo tigre tijera tomate torre tortuga tren trigo trompeta
    turpial vela ventana verano vidrio viento violin volcan zapato zorro
    """.split()  # noqa: SIM905 - a list of strings would be four pages
)
"""Words that differ in more than one letter, without accents; the list never changes: codes hang on it."""

NUMBERS: Final = 1000


def case_code(report: Report) -> str:
    """Return the code of a report, as it is written: «mesa-tigre-407»."""
    digest = hashlib.sha256(f"atajo case\0{report.run.id}".encode("utf-8", "replace")).digest()
    number = int.from_bytes(digest[2:6], "big") % NUMBERS
    return f"{WORDS[digest[0]]}-{WORDS[digest[1]]}-{number:03}"


def said(text: str) -> str:
    """Return a code that somebody wrote down or typed in the form of :func:`case_code`, or nothing where it is none.

    Capitals, accents, dashes, commas and a number without its zeros are forgiven.
    """
    bare = "".join(c for c in unicodedata.normalize("NFD", text[:200].lower()) if not unicodedata.combining(c))
    parts = re.findall(r"[a-z]+|[0-9]+", bare)
    words, numbers = [part for part in parts if part.isalpha()], [part for part in parts if not part.isalpha()]
    known = len(words) == 2 and all(word in WORDS for word in words)
    if not known or len(numbers) != 1 or int(numbers[0]) >= NUMBERS:
        return ""
    return f"{words[0]}-{words[1]}-{int(numbers[0]):03}"
