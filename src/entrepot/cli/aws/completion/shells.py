"""`entrepot completion bash|zsh|fish`: the script that makes a shell ask, and answers as it reads them."""

from __future__ import annotations

from entrepot.cli.aws.completion.line import read_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from entrepot.cli.aws.completion.line import Line
    from entrepot.cli.aws.completion.values import Candidate

SHELLS = ("bash", "zsh", "fish")
_DESCRIPTION = """\
Prints the script that lets a shell complete commands, options, their values, and ids from the server.

bash: eval "$(entrepot completion bash)" in ~/.bashrc. zsh: the same with zsh in ~/.zshrc, after compinit.
fish: entrepot completion fish | source in ~/.config/fish/config.fish. See `entrepot help completion`."""

_SPECIAL_IN_BASH = "\\ \t\"'`$&|;<>()[]{}*?!#~"
_LONGEST_MEANING = 100


def run(arguments: list[str]) -> int:
    from entrepot.cli.arguments import Parser  # argparse is slow to load, and answers to a shell need none

    parser = Parser("completion", _DESCRIPTION)
    parser.add_argument("shell", choices=SHELLS)
    print(script(parser.parse_args(arguments).shell), end="")
    return 0


def words_for_bash(candidates: Sequence[Candidate], line: Line, breaks: str) -> list[str]:
    """Lines to put into COMPREPLY: what replaces the part of the word that readline takes for the word.

    readline begins a word after each of its breaks (`=` and `:` are among them), and after an opening
    quotation mark, so that much of each candidate is left out. A blank at the end says that the word is
    complete; inside quotation readline closes it by itself.
    """
    if line.quote:
        start = line.raw.rfind(line.quote)
        known = len(read_line(line.raw[:start], {}).current)
        return [_in_quotes(one.value[known:], line.quote) for one in candidates]
    places = [
        place
        for place, letter in enumerate(line.raw)
        if letter in breaks and not _is_escaped(line.raw, place)
    ]
    start = places[-1] + 1 if places else 0
    known = len(read_line(line.raw[:start], {}).current)
    return [_escaped(one.value[known:]) + (" " if one.final else "") for one in candidates]


def words_with_meanings(candidates: Sequence[Candidate]) -> list[str]:
    """`value TAB meaning`, as fish reads it."""
    return [f"{one.value}\t{_short(one.meaning)}" if one.meaning else one.value for one in candidates]


def words_for_zsh(candidates: Sequence[Candidate]) -> list[str]:
    """`value TAB whether a blank follows TAB meaning`."""
    return [f"{one.value}\t{int(one.final)}\t{_short(one.meaning)}" for one in candidates]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_MEANING else text[: _LONGEST_MEANING - 1].rstrip() + "…"


def _is_escaped(text: str, place: int) -> bool:
    backslashes = 0
    while place > backslashes and text[place - backslashes - 1] == "\\":
        backslashes += 1
    return backslashes % 2 == 1


def _escaped(text: str) -> str:
    # A tilde stays: `file://~/…` is expanded by the program, and at the start of a path by the shell.
    return "".join(
        f"\\{letter}" if letter in _SPECIAL_IN_BASH and letter != "~" else letter for letter in text
    )


def _in_quotes(text: str, quote: str) -> str:
    if quote == "'":
        return text.replace("'", "'\\''")
    return "".join(f"\\{letter}" if letter in '"\\$`' else letter for letter in text)


def script(shell: str) -> str:
    """The script for a shell, to be evaluated in its start-up file. Raises `KeyError` for an unknown one."""
    return _SCRIPTS[shell]


_BASH = """\
# Completion of entrepot in bash. In ~/.bashrc:  eval "$(entrepot completion bash)"
_entrepot() {
    local rest=$COMP_LINE name word variables=()
    # Values of variables on the line, so that ids in them are known.
    while [[ $rest =~ \\$\\{?([A-Za-z_][A-Za-z0-9_]*)(.*) ]]; do
        name=${BASH_REMATCH[1]} rest=${BASH_REMATCH[2]}
        [[ -n ${!name+set} ]] && variables+=("--variable" "$name=${!name}")
    done
    COMPREPLY=()
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <("$1" __complete bash --breaks "$COMP_WORDBREAKS" ${variables[@]+"${variables[@]}"} \\
        -- "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
# Where there is nothing to say, bash may complete variables. nosort came with bash 4.4.
complete -o bashdefault -o nospace -o nosort -F _entrepot entrepot 2>/dev/null ||
    complete -o bashdefault -o nospace -F _entrepot entrepot
"""
_ZSH = """\
#compdef entrepot
# Completion of entrepot in zsh. In ~/.zshrc, after compinit:  eval "$(entrepot completion zsh)"
_entrepot() {
    local line rest name value final meaning
    local -a variables done done_shown open open_shown
    line="${(j: :)words[1,CURRENT-1]} ${QIPREFIX}${PREFIX}"
    rest=$line
    # Values of variables on the line, so that ids in them are known.
    while [[ $rest =~ '\\$\\{?([A-Za-z_][A-Za-z0-9_]*)(.*)' ]]; do
        name=$match[1] rest=$match[2]
        (( ${(P)+name} )) && variables+=(--variable "$name=${(P)name}")
    done
    while IFS=$'\\t' read -r value final meaning; do
        [[ -n $meaning ]] && meaning="$value  -- $meaning" || meaning=$value
        if (( final )); then
            done+=("$value") done_shown+=("$meaning")
        else
            open+=("$value") open_shown+=("$meaning")
        fi
    done < <("${(Q)words[1]}" __complete zsh $variables -- "$line" 2>/dev/null)
    (( $#done )) && compadd -V entrepot -l -d done_shown -a done
    (( $#open )) && compadd -V entrepot-open -S '' -l -d open_shown -a open
    (( $#done + $#open ))
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _entrepot "$@"
else
    compdef _entrepot entrepot
fi
"""
_FISH = """\
# Completion of entrepot in fish. In ~/.config/fish/config.fish:  entrepot completion fish | source
function __entrepot_complete
    set -l line (commandline -cp)
    set -l variables
    # Values of variables on the line, so that ids in them are known.
    for name in (string match -ra '\\$([A-Za-z_][A-Za-z0-9_]*)' -- $line | string match -rv '^\\$')
        set -q $name; and set -a variables --variable "$name=$$name"
    end
    entrepot __complete fish $variables -- "$line" 2>/dev/null
end
complete -c entrepot -f -k -a '(__entrepot_complete)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
