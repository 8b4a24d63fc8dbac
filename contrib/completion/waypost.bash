# Completion of waypost(8) for bash.  What can be said is asked from the
# program's own --help, so that it is never out of date.

_waypost_help() { # [SUBCOMMAND]
	"${COMP_WORDS[0]}" "$@" --help 2>/dev/null
}

_waypost() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local at=1 sub help
	COMPREPLY=()
	case $prev in
	-C | --config)
		COMPREPLY=($(compgen -f -- "$cur"))
		return
		;;
	esac
	while ((at < COMP_CWORD)); do
		case ${COMP_WORDS[at]} in
		-C | --config) ((at += 2)) ;;
		-*) ((at++)) ;;
		*) break ;;
		esac
	done
	if ((at >= COMP_CWORD)); then
		COMPREPLY=($(compgen -W "-C --config --version --help $(
			_waypost_help |
				sed -n '/^subcommands:/,$s/^  \([a-z]*\) .*/\1/p'
		)" -- "$cur"))
		return
	fi
	sub=${COMP_WORDS[at]}
	help=$(_waypost_help "$sub")
	# The word behind the subcommand: "add|set" in "... domain add|set ...".
	if ((at + 1 == COMP_CWORD)) && [[ $cur != -* ]]; then
		COMPREPLY=($(compgen -W "$(
			sed -n "s/.* $sub \(\[--[a-z]*\] \)*\([a-z][a-z|]*\).*/\2/p" \
				<<<"$help" | grep -v '^\(key\|address\|options\)$' | tr '|' '\n'
		)" -- "$cur"))
		[ "${#COMPREPLY[@]}" -gt 0 ] && return
	fi
	if [[ $cur == -* ]]; then
		COMPREPLY=($(compgen -W "$(
			grep -o -e '--[a-z][a-z-]*' <<<"$help"
		) --help" -- "$cur"))
		return
	fi
	COMPREPLY=($(compgen -f -- "$cur"))
}
complete -o filenames -F _waypost waypost
