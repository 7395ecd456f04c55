"""Names of people: our own, and those of the published puzzles."""

from __future__ import annotations


def _names(spelled: str) -> tuple[str, ...]:
    return tuple(spelled.split())


NAMES = _names(
    "Ana Bashir Carla Dmitri Esra Farid Gwen Hugo Ines Jonas Keiko Lars Mbali Nadia Omar Paula "
    "Quentin Rosa Stefan Tariq Ursula Viktor Wanda Ximena Yusuf Zainab Anton Bettina Chidi Dolores "
    "Emre Fatima Greta Haruto Irina Jorge Katya Leila Marek Nkechi Otto Priya Rafael Sanna Tomas "
    "Uma Valeria Wei Yara Zoltan"
)
UNCOMMON_NAMES = _names(
    "Abrax Brindle Corvane Dulcimer Eskarn Fennimore Galdric Hespera Ishwyn Jorundel Kestrix "
    "Lumivar Morwenna Nyxalis Ombrin Pellucia Quorwin Rhosabel Skadrin Thistlewick Ulverin "
    "Vantaine Wrenfold Xylandra Yarrowmere Zephandel Aldrimor Bellaquin Cindrath Drusivane Elowyth "
    "Farrowin Grimaude Hollisande Ivandrel Juniveer Kallorn Lysmira Mardivold Nettlesby Orsivane "
    "Pruwenna Quillarde Roswindle Silvarine Tamberlyn Undomir Vesprine Wystander Yvorette"
)
PUBLISHED_NAMES = _names(
    "Emma Liam Olivia Noah Ava Ethan Sophia Mason Isabella William Mia James Charlotte Benjamin "
    "Amelia Lucas Harper Henry Evelyn Alexander Abigail Michael Emily Daniel Elizabeth Jacob Sofia "
    "Logan Avery Jackson Ella Sebastian Scarlett Jack Grace Aiden Chloe Owen Victoria Samuel Riley "
    "Matthew Aria Joseph Lily Luke Aurora David Zoey Oliver Penelope"
)
PUBLISHED_UNCOMMON_NAMES = _names(
    "Zephyr Elowen Caspian Isolde Osiris Vesper Thaddeus Ondine Lysander Xanthe Oberon Calliope "
    "Leander Eulalia Florian Forsythe Nephele Peregrine Ianthe Lazarus Elodie Cillian Ottoline "
    "Evander Saffron Caius Zora Cyprian Amaryllis Theron Perdita Ignatius Zephyrine Balthazar "
    "Melisande Zinnia Sylvester Cosima Leocadio Percival Oceane Evanthe Zenobia Eurydice Quillan "
    "Aeronwen Thorsten Xiomara Zephyrus Ysolde"
)
