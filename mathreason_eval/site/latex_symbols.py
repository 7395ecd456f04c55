"""LaTeX commands that are one symbol, by what they are in MathML."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# fmt: off
_LETTERS = """
alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa
κ lambda λ mu μ nu ν xi ξ pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi ϕ
varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ
Psi Ψ Omega Ω ell ℓ infty ∞ emptyset ∅ varnothing ∅ partial ∂ nabla ∇ hbar ℏ Re ℜ Im ℑ aleph ℵ
angle ∠ triangle △ square □ Box □ circ ∘ degree ° prime ′ imath ı jmath ȷ top ⊤ bot ⊥ checkmark ✓
dots … ldots … cdots ⋯ vdots ⋮ ddots ⋱ dotsc … dotsb ⋯ dotsm ⋯ bigtriangleup △ star ⋆ diamond ⋄
bullet ∙ forall ∀ exists ∃ clubsuit ♣ diamondsuit ♢ heartsuit ♡ spadesuit ♠ pounds £ textdollar $
blacksquare ■ measuredangle ∡
"""
_OPERATORS = """
cdot ⋅ times × div ÷ pm ± mp ∓ ast ∗ le ≤ leq ≤ leqslant ⩽ ge ≥ geq ≥ geqslant ⩾ ne ≠ neq ≠ approx
≈ equiv ≡ cong ≅ sim ∼ simeq ≃ propto ∝ ll ≪ gg ≫ in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃
supseteq ⊇ cup ∪ cap ∩ setminus ∖ backslash ∖ land ∧ wedge ∧ lor ∨ vee ∨ neg ¬ lnot ¬ to → gets ←
rightarrow → leftarrow ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ implies ⟹ iff
⟺ longrightarrow ⟶ Longrightarrow ⟹ mapsto ↦ uparrow ↑ downarrow ↓ parallel ∥ perp ⊥ mid ∣ nmid ∤
vert | lvert | rvert | Vert ‖ lVert ‖ rVert ‖ langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉
lbrace { rbrace } lbrack [ rbrack ] oplus ⊕ otimes ⊗ odot ⊙ colon : therefore ∴ because ∵ models ⊨
vdash ⊢ prec ≺ succ ≻ trianglelefteq ⊴ triangleright ▷ rightleftharpoons ⇌ Join ⋈ bowtie ⋈ int ∫
iint ∬ iiint ∭ oint ∮
"""
_LIMITS = """
sum ∑ prod ∏ coprod ∐ bigcup ⋃ bigcap ⋂ bigoplus ⨁ bigvee ⋁ bigwedge ⋀
"""
_FUNCTIONS = """
sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh coth log ln lg exp deg dim ker det gcd
hom arg
"""
_NAMED_LIMITS = "lim max min sup inf limsup liminf Pr"
_BLACKBOARD = "CℂNℕPℙQℚRℝZℤ"
# fmt: on


def _pairs(table: str) -> Mapping[str, str]:
    words = table.split()
    return MappingProxyType(dict(zip(words[::2], words[1::2], strict=True)))


LETTERS = _pairs(_LETTERS)
"""Commands for identifiers and other ordinary symbols."""
OPERATORS = _pairs(_OPERATORS)
"""Commands for operators, relations and brackets."""
LIMITS = _pairs(_LIMITS)
"""Operators whose indices stand below and above."""
FUNCTIONS = frozenset(_FUNCTIONS.split())
"""Named functions, in upright type."""
NAMED_LIMITS = frozenset(_NAMED_LIMITS.split())
"""Named functions whose index stands below."""
BLACKBOARD = MappingProxyType(dict(zip(_BLACKBOARD[::2], _BLACKBOARD[1::2], strict=True)))
ACCENTS = MappingProxyType(
    {
        "overline": "‾", "bar": "‾", "hat": "^", "widehat": "^", "vec": "→",
        "overrightarrow": "→", "overleftrightarrow": "↔", "tilde": "~", "widetilde": "~",
        "dot": "˙", "ddot": "¨", "overarc": "⌢", "overbrace": "⏞",
    }
)  # fmt: skip
"""Commands that draw a mark over their argument."""
SPACES = frozenset(
    [",", ";", ":", "!", " ", ">", "quad", "qquad", "enspace", "thinspace", "hfill", "displaystyle",
     "textstyle", "scriptstyle", "limits", "nolimits", "big", "Big", "bigg", "Bigg", "bigl", "bigr",
     "Bigl", "Bigr", "biggl", "biggr", "Biggl", "Biggr", "middle", "rm", "bf", "it", "boldsymbol",
     "mathstrut", "hline", "nonumber", "noindent", "centering", "-"]
)  # fmt: skip
"""Commands that change spaces, sizes or styles only."""
WRAPPERS = frozenset(
    ["mathbf", "mathit", "mathsf", "mathtt", "mathcal", "mathfrak", "mathscr", "bm", "boxed",
     "fbox", "ensuremath", "mathop", "mathbin", "mathrel", "underbrace", "cancel", "phantom"]
)  # fmt: skip
"""Commands whose argument is shown without them."""
TEXTS = frozenset(
    ["text", "textbf", "textit", "textrm", "textsf", "texttt", "textnormal", "mbox", "hbox",
     "mathrm", "operatorname", "emph", "textup", "textsc"]
)  # fmt: skip
"""Commands whose argument is text."""
FENCES = MappingProxyType(
    {
        "matrix": "", "pmatrix": "()", "bmatrix": "[]", "vmatrix": "||", "Vmatrix": "‖‖",
        "Bmatrix": "{}", "smallmatrix": "", "array": "", "cases": "{", "align": "", "align*": "",
        "aligned": "", "alignat*": "", "gather": "", "gather*": "", "gathered": "", "split": "",
        "equation": "", "equation*": "", "eqnarray*": "", "tabular": "",
    }
)  # fmt: skip
"""Environments of rows and columns, with their brackets."""
WITH_COLUMNS = frozenset(["array", "tabular", "alignat*"])
"""Environments with an argument that describes their columns."""
