#!/bin/sh
# Completion in bash (and zsh's syntax, where there is a zsh).  It asks the
# program, so this also shows that every subcommand has its --help.
. "${0%/*}/lib.sh"
command -v bash >/dev/null || skip "no bash"
PATH=$build:$PATH
complete() { # WORD...: the last one is being completed; sorted, on one line
	bash -c '. "$1"; shift
	COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
	_waypost
	printf "%s\n" "${COMPREPLY[@]}"' bash \
		"$top/contrib/completion/waypost.bash" "$@" | sort -u | tr '\n' ' '
}
subcommands=$(waypost --help | sed -n '/^subcommands:/,$s/^  \([a-z]*\) .*/\1/p')
is 'the subcommands' "$(complete waypost '')" \
	"$(printf '%s\n' --config --help --version -C $subcommands | sort -u |
		tr '\n' ' ')"
for sub in $subcommands; do
	waypost "$sub" --help >"$work/out" 2>"$work/err"
	is "$sub --help" "$? $(sed -n '1s/^usage: .*/usage/p' "$work/out")\
$(cat "$work/err")" '0 usage'
done
is 're' "$(complete waypost re)" 'relay reload '
is 'domain' "$(complete waypost domain '')" 'add default list remove set '
is 'domain behind -C' "$(complete waypost -C /x domain re)" 'remove '
is 'import' "$(complete waypost import '')" 'dma msmtp nullmailer postfix '
is 'relay' "$(complete waypost relay '')" 'allow deny list '
is 'user' "$(complete waypost user '')" 'add list passwd remove '
is 'options' "$(complete waypost status --c)" \
	'--check --critical-age --critical-size '
cd "$work" || exit 1
: >some.conf
is 'a file behind -C' "$(complete waypost -C so)" 'some.conf '
if command -v zsh >/dev/null; then
	ok 'zsh understands its own' zsh -n "$top/contrib/completion/_waypost"
fi
done_testing
