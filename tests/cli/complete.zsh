# Types command lines into an interactive zsh, presses the tab key behind each, and prints what is
# there then: zsh -f complete.zsh SCRIPT LINE...
zmodload zsh/zpty
zpty -b shell zsh -f -i

# Waits, for two minutes at most, until the shell has printed something that matches a pattern.
expect() {
  local part
  reply=
  repeat 2400; do
    while zpty -rt shell part; do reply+=$part; done
    [[ $reply == *$~1* ]] && return
    sleep 0.05
  done
  print -u2 "zsh printed no $1: $reply"
  exit 1
}

zpty -w shell "PS1=; autoload -Uz compinit; compinit -u -D; source ${(q)1}"
zpty -w shell 'setopt noautolist nobeep; zle -N show; bindkey "^G" show'
zpty -w shell 'show() { BUFFER="print -r \"<\"${(q)BUFFER}\">\""; zle accept-line }; print REA""DY'
expect READY
for line in "${@:2}"; do
  zpty -w -n shell "$line"$'\t\a'
  expect $'\n<*>'
  print -r -- ${${reply##*$'\n'<}%%>*}
done
zpty -d shell
