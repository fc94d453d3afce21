package redoubt.cli;

import redoubt.keeper.Incarnation;
import redoubt.nbd.NbdExports;

/**
 * The doors of daemons as exports: {@code door/NAME/0} and so on, in the order of the container's disks. Who reaches the server can read the
 * members there, as he can read the array; write he can into the metadata only, and only while the daemon whose doors these are is the current one.
 */
final class DoorExports implements DaemonTrees.Doors {

    static final String PREFIX = "door/";

    private final NbdExports exports;

    DoorExports(NbdExports exports) {
        this.exports = exports;
    }

    static String name(Incarnation daemon, int disk) {
        return PREFIX + daemon.name() + "/" + disk;
    }

    @Override
    public void open(Incarnation daemon) {
        for (int disk = 0; disk < daemon.doors(); disk++) {
            exports.add(name(daemon, disk), daemon.door(disk), "door of daemon " + daemon.name() + " to disk " + disk);
        }
    }

    @Override
    public void shut(Incarnation daemon) {
        for (int disk = 0; disk < daemon.doors(); disk++) {
            exports.remove(name(daemon, disk));
        }
    }
}
