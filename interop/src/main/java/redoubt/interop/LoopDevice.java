package redoubt.interop;

import java.nio.file.Path;

/** A file seen as a block device, as mdadm wants it; needs root. Detached when closed. */
public record LoopDevice(Path device) implements AutoCloseable {
    /** Attaches a file with logical sectors of 512 bytes. */
    public static LoopDevice attach(Path file) {
        return attach(file, 512);
    }

    public static LoopDevice attach(Path file, int sectorBytes) {
        Outcome attached = Peer.LOSETUP
                .command("--find", "--show", "--sector-size", Integer.toString(sectorBytes), file.toString())
                .run();
        if (attached.exitCode() != 0) {
            throw new PeerMissing("no loop device to be had here (root, and a kernel with loop): "
                    + attached.err().strip());
        }
        return new LoopDevice(Path.of(attached.out().strip()));
    }

    /** What mdadm takes for the serial of this device under {@code IMSM_DEVNAME_AS_SERIAL=1}. */
    public String serial() {
        return device.toString();
    }

    @Override
    public void close() {
        Peer.LOSETUP.command("--detach", device.toString()).run().mustSucceed();
    }
}
