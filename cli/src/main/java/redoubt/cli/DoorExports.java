package redoubt.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import redoubt.block.IoMemory;
import redoubt.block.IoMemory.Cut;
import redoubt.keeper.Incarnation;
import redoubt.nbd.ExportClients;
import redoubt.nbd.NbdExports;
import redoubt.nbd.NbdLimits;
import redoubt.nbd.NbdServer;

/**
 * The doors of daemons as NBD exports {@code door/NAME/0} and so on, in the order of the container's disks. They have a server of their own, on a
 * Unix socket beside the control socket, which like that one is open to its owner only: clients of the arrays neither see the members there nor reach
 * them. Its memory and threads are its own too, since a write that waits at the gate may have all that the other server has, until a
 * daemon has written through its door.
 *
 * <p>A daemon whose doors had clients, and have none any more, has ended in whatever way: then it leaves.
 */
final class DoorExports implements DaemonTrees.Doors {

    static final String PREFIX = "door/";

    private static final String CONTROL_SUFFIX = ".sock";
    private static final String DOORS_SUFFIX = ".doors";
    private static final int KIB = 1024;

    /** Metadata is written in small pieces, by one daemon at a time, while some may stand by. */
    private static final NbdLimits LIMITS = new NbdLimits(512, 64, 10_000, 1, 8, 128, 32, 30_000);

    private final NbdExports exports = new NbdExports();
    private final NbdServer server;
    private final ListenAddress.Unix address;

    /** Listens. */
    DoorExports(Path control) throws IOException {
        IoMemory memory = new IoMemory(new Cut(4 * KIB, 64, 8), new Cut(64 * KIB, 32, 4));
        address = new ListenAddress.Unix(beside(control));
        server = new NbdServer(exports, memory, LIMITS);
        boolean listening = false;
        try {
            server.listenUnix(address.path());
            listening = true;
        } finally {
            if (!listening) {
                server.close();
            }
        }
    }

    /** Where the doors are, by the control socket. */
    static Path beside(Path control) {
        String name = String.valueOf(control.toAbsolutePath().getFileName());
        String stem = name.endsWith(CONTROL_SUFFIX) ? name.substring(0, name.length() - CONTROL_SUFFIX.length()) : name;
        return control.toAbsolutePath().resolveSibling(stem + DOORS_SUFFIX);
    }

    static String name(Incarnation daemon, int disk) {
        return PREFIX + daemon.name() + "/" + disk;
    }

    @Override
    public void open(Incarnation daemon) {
        ExportClients daemonItself = new ExportClients(daemon::leave);
        for (int disk = 0; disk < daemon.doors(); disk++) {
            String description = "door of daemon " + daemon.name() + " to disk " + disk;
            exports.add(name(daemon, disk), daemon.door(disk), description, daemonItself);
        }
    }

    @Override
    public List<String> uris(Incarnation daemon) {
        List<String> uris = new ArrayList<>();
        for (int disk = 0; disk < daemon.doors(); disk++) {
            uris.add(address.uri(name(daemon, disk)));
        }
        return uris;
    }

    @Override
    public void shut(Incarnation daemon) {
        for (int disk = 0; disk < daemon.doors(); disk++) {
            exports.remove(name(daemon, disk));
        }
    }

    /** Ends, within a limit: daemons get their answers. */
    void stop(Duration limit) {
        try {
            server.stop(limit);
        } catch (InterruptedException hurried) {
            Thread.currentThread().interrupt();
        }
    }
}
