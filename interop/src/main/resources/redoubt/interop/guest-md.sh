# Words for scripts in the Linux guest, sourced before each of them.

# busybox compares byte by byte, and its shell asks nobody else unless told to.
[ ! -x /usr/bin/cmp ] || cmp() { /usr/bin/cmp "$@"; }

# wait_for SECONDS WHAT COMMAND...: until the command succeeds, for at most so many seconds.
wait_for() {
  tries=$(($1 * 50)) what=$2; shift 2
  until "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || { echo "waited in vain for $what"; return 1; }
    usleep 20000
  done
}

# md_start DISK...: assembles an IMSM container of these disks under the kernel's md, and starts its volumes, degraded
# ones too.
md_start() {
  rm -f /dev/md/*
  mdadm --assemble --run /dev/md/container "$@"
  mdadm --incremental --run /dev/md/container
}

# mdadm starts mdmon for a container that has a redundant volume; a stripe has no state that changes.
mdmon_runs() { pidof mdmon >/dev/null; }

# md_of NAME: the kernel's name (md126) of the running volume with this name in its metadata.
md_of() {
  for path in /dev/md/"$1" /dev/md/"$1"_[0-9]*; do
    [ ! -b "$path" ] || { basename "$(readlink -f "$path")"; return 0; }
  done
  echo "no volume $1: $(ls /dev/md)" >&2
  return 1
}

md_attribute() { cat /sys/block/"$1"/md/"$2"; }

md_says() { [ "$(md_attribute "$1" "$2")" = "$3" ]; }

# md_stop: leaves nothing running and everything clean on the disks.
md_stop() {
  mdadm --wait-clean --scan
  volumes=$(grep ' : active' /proc/mdstat | cut -d' ' -f1)
  for volume in $volumes; do mdadm --stop /dev/"$volume"; done
  containers=$(grep ' : inactive' /proc/mdstat | cut -d' ' -f1)
  for container in $containers; do mdadm --stop /dev/"$container"; done
  wait_for 20 "mdmon to end" eval '! mdmon_runs'
}

# md_check MD: has the kernel compare all copies, or data and parity, and prints how many sectors differ.
md_check() {
  wait_for 60 "$1 to be idle" md_says "$1" sync_action idle
  echo check >/sys/block/"$1"/md/sync_action
  wait_for 60 "the check of $1" md_says "$1" sync_action idle
  echo "mismatch_cnt of $1: $(md_attribute "$1" mismatch_cnt)"
  md_says "$1" mismatch_cnt 0
}
