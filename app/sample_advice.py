"""Hand-made tips for the pictures and the window's tests: a general one, and a row of them as a measured way round brings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ui.backend import Advice, AdviceSteps

Tips = Callable[[str], Sequence[Advice]]
"""Takes a language and gives the tips in it."""

_GENERAL: Final = {
    "es": Advice(
        id="sample",
        say="Usa una guía de nombres cifrada",
        why="Tu red da una dirección falsa; otra guía puede dar la verdadera.",
        steps=("Abre los ajustes de tu navegador y busca «DNS seguro».", "Elige otra guía de nombres y vuelve a probar."),
        caution="Tu proveedor todavía puede ver a qué direcciones te conectas.",
    ),
    "en": Advice(
        id="sample",
        say="Use an encrypted name directory",
        why="Your network gives a false address; another directory may give the true one.",
        steps=("Open your browser's settings and look for “secure DNS”.", "Choose another name directory and test again."),
        caution="Your provider can still see which addresses you connect to.",
    ),
}

_PROVED: Final = {
    "es": Advice(
        id="encrypted-dns",
        say="Pon la guía de nombres cifrada de Quad9",
        why="Tu red da una dirección falsa para X. Quad9 da la verdadera, y nadie en el camino puede cambiarla.",
        steps=("Busca «DNS seguro» en los ajustes y elige Quad9.",),
        caution="Tu proveedor todavía puede ver a qué direcciones te conectas.",
        general=False,
        proved="Probado ahora: con el DNS cifrado de Quad9, X abre en 0,4\u00a0s.",
        platforms=(
            AdviceSteps(
                platform="android",
                name="Android",
                steps=(
                    "Abre «Ajustes» y entra en «Red e Internet».",
                    "Toca «DNS privado» y elige el nombre del proveedor.",
                    "Escribe dns.quad9.net y guarda.",
                ),
            ),
            AdviceSteps(
                platform="windows11",
                name="Windows 11",
                here=True,
                steps=(
                    "Abre «Configuración», «Red e Internet» y tu conexión.",
                    "En «Asignación de servidor DNS» elige «Editar» y «Manual».",
                    "Escribe 9.9.9.9, activa «DNS mediante HTTPS» y guarda.",
                ),
            ),
            AdviceSteps(platform="firefox", name="Firefox", steps=("Abre «Privacidad y seguridad».", "En «DNS sobre HTTPS» elige Quad9.")),
        ),
        source="documentación de Quad9",
        dated="22 nov 2026",
        verified=True,
    ),
    "en": Advice(
        id="encrypted-dns",
        say="Set Quad9's encrypted name directory",
        why="Your network gives a false address for X. Quad9 gives the true one, and nobody on the way can change it.",
        steps=("Look for “secure DNS” in the settings and choose Quad9.",),
        caution="Your provider can still see which addresses you connect to.",
        general=False,
        proved="Tested now: with Quad9's encrypted DNS, X opens in 0.4\u00a0s.",
        platforms=(
            AdviceSteps(
                platform="android",
                name="Android",
                steps=(
                    "Open “Settings” and go to “Network & internet”.",
                    "Tap “Private DNS” and choose the provider's host name.",
                    "Type dns.quad9.net and save.",
                ),
            ),
            AdviceSteps(
                platform="windows11",
                name="Windows 11",
                here=True,
                steps=(
                    "Open “Settings”, “Network & internet” and your connection.",
                    "At “DNS server assignment” choose “Edit” and “Manual”.",
                    "Type 9.9.9.9, switch “DNS over HTTPS” on and save.",
                ),
            ),
            AdviceSteps(platform="firefox", name="Firefox", steps=("Open “Privacy & Security”.", "At “DNS over HTTPS” choose Quad9.")),
        ),
        source="Quad9's documentation",
        dated="22 Nov 2026",
        verified=True,
    ),
}

_TOR: Final = {
    "es": Advice(
        id="tor-bridges",
        say="Usa el navegador Tor con un puente",
        why="Tor da un rodeo que tu red no puede leer.",
        steps=("Abre el navegador Tor y entra en «Conexión».", "Elige un puente y presiona «Conectar»."),
        caution="Sin puente, tu proveedor puede ver que usas Tor.",
        platforms=(
            AdviceSteps(platform="android", name="Android", steps=("Instala el navegador Tor.", "Elige un puente antes de conectar.")),
        ),
        source="manual del navegador Tor",
        dated="3 mar 2025",
        expired=True,
    ),
    "en": Advice(
        id="tor-bridges",
        say="Use Tor Browser with a bridge",
        why="Tor takes a detour that your network cannot read.",
        steps=("Open Tor Browser and go to “Connection”.", "Choose a bridge and press “Connect”."),
        caution="Without a bridge your provider can see that you use Tor.",
        platforms=(AdviceSteps(platform="android", name="Android", steps=("Install Tor Browser.", "Choose a bridge before you connect.")),),
        source="Tor Browser's manual",
        dated="3 Mar 2025",
        expired=True,
    ),
}


def general(language: str) -> Sequence[Advice]:
    """Return one tip that nobody tried."""
    return [_GENERAL[language]]


def measured(language: str) -> Sequence[Advice]:
    """Return three tips, the first of which was proved."""
    return [_PROVED[language], _TOR[language], _GENERAL[language]]
