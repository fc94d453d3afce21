package redoubt.cli;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import redoubt.assembly.Access;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.Assembly;
import redoubt.assembly.AssemblyOptions;
import redoubt.assembly.AssemblyRefused;
import redoubt.assembly.Disk;
import redoubt.assembly.DiskOpener;
import redoubt.assembly.FileDisks;
import redoubt.assembly.Scan;
import redoubt.base.Heartbeat;
import redoubt.base.ThreadHeartbeat;
import redoubt.base.WorkerFactory;
import redoubt.block.IoMemory;

/**
 * What every verb that touches disks stands on: the heartbeat, threads from the machine, and the way from disks to arrays. Closing it ends
 * the heartbeat; what was assembled is closed by whoever assembled it.
 */
final class Engine implements AutoCloseable {

    private static final long PERIOD_NANOS = TimeUnit.MILLISECONDS.toNanos(20);
    private static final long START_LIMIT_NANOS = TimeUnit.SECONDS.toNanos(60);

    private final ThreadHeartbeat heartbeat = new ThreadHeartbeat(PERIOD_NANOS);
    private final DiskOpener opener = new AnyDisks(new FileDisks(heartbeat));
    private final Assembly assembly = new Assembly(heartbeat, WorkerFactory.threads(), opener);

    /** The one timer. */
    Heartbeat heartbeat() {
        return heartbeat;
    }

    /** Opens disks, for what is done with single ones. */
    DiskOpener opener() {
        return opener;
    }

    /** Reads the words for disks. */
    static List<Disk> disks(List<String> words) throws Refused {
        List<Disk> disks = new java.util.ArrayList<>();
        for (String word : words) {
            try {
                disks.add(Disk.parse(word));
            } catch (AssemblyRefused refused) {
                throw refused(refused);
            }
        }
        return disks;
    }

    /** Looks at disks together. */
    Scan scan(List<Disk> disks, long timeoutNanos) throws Refused {
        try {
            return assembly.scan(disks, timeoutNanos);
        } catch (AssemblyRefused refused) {
            throw refused(refused);
        }
    }

    /** Makes the arrays that disks form, and starts them. */
    AssembledContainer start(
            List<Disk> disks, Access access, AssemblyOptions options, IoMemory memory, Consumer<String> complaints)
            throws Refused {
        try {
            AssembledContainer container = assembly.assemble(disks, access, options, memory, complaints);
            try {
                container.start(START_LIMIT_NANOS);
                return container;
            } catch (AssemblyRefused refused) {
                container.close();
                throw refused;
            }
        } catch (AssemblyRefused refused) {
            throw refused(refused);
        }
    }

    /** A refusal in the command line's words. */
    static Refused refused(AssemblyRefused refused) {
        return new Refused(refused.reason().exitCode(), refused.sentence(), refused.candidates());
    }

    @Override
    public void close() {
        heartbeat.close();
    }
}
