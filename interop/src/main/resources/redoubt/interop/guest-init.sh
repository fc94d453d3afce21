#!/bin/busybox sh
# The first and only program of the Linux guest: sets the stage, then takes orders over a virtio port named "agent".
# An order is one line: its number, its time limit in seconds, and a shell script in base64. The answer is all that the
# script prints and, at the end, "@@NUMBER EXITCODE", or "@@NUMBER hung" once it is past its limit. When the other side
# hangs up, the machine goes off.
/bin/busybox --install -s /bin
export PATH=/bin:/sbin HOME=/tmp
export IMSM_NO_PLATFORM=1 IMSM_DEVNAME_AS_SERIAL=1   # no Intel board here, and disks without serials
export MDADM_NO_UDEV=1 MDADM_NO_SYSTEMCTL=1          # mdadm makes the nodes and starts mdmon by itself
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/md /run/mdadm
mount -t tmpfs shm /dev/shm
modprobe -a virtio_pci virtio_blk virtio_console md_mod
tries=0
until port=$(ls /dev/vport* 2>/dev/null); do
  tries=$((tries + 1)); [ $tries -lt 200 ] || poweroff -f
  usleep 50000
done
exec 3<>"$port"
echo "@@ready" >&3
while read -r number limit script <&3; do
  echo "$script" | base64 -d >/tmp/script
  # Past the limit the kernel lists on the console who is blocked, and where.
  { sleep "$limit"; echo w >/proc/sysrq-trigger; echo "@@$number hung" >&3; } &
  watchdog=$!
  sh /tmp/script </dev/null >&3 2>&1 3>&-
  echo "@@$number $?" >&3
  kill "$watchdog"
done
poweroff -f
