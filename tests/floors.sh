#!/bin/sh
# Each floor may include itself and what stands below it; peers on one floor
# (mail and net, smtpd and deliver) never meet.  Run from the project's root.
order="base mail|net conf queue submit smtpd|deliver"
bad=0
rank() {
	i=0
	for f in $order; do
		i=$((i + 1))
		case "|$f|" in *"|$1|"*) echo $i; return ;; esac
	done
	echo 99
}
for src in src/*/*.[ch]; do
	own=${src#src/}
	own=${own%%/*}
	for inc in $(sed -n 's/^#include "\([a-z]*\)\/.*/\1/p' "$src" | sort -u); do
		[ "$inc" = "$own" ] && continue
		[ "$(rank "$inc")" -lt "$(rank "$own")" ] && continue
		echo "$src: $own may not include $inc"
		bad=1
	done
done
exit $bad
