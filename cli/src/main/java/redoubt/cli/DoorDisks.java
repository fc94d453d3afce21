package redoubt.cli;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.KnownSerial;
import redoubt.assembly.ScannedDisk;
import redoubt.base.Sectors;
import redoubt.block.BlockLimits;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.md.DeviceNumber;
import redoubt.metadata.Printable;

/**
 * The disks of a container as a daemon finds them in its own tree, in the order of its doors:
 *
 * <pre>
 * block/nvmeKn1/dev                          the block device that was laid over door K; see DeviceNumber
 * block/nvmeKn1/size, ro                     as in /sys/block
 * block/nvmeKn1/queue/logical_block_size     its block in bytes
 * block/nvmeKn1/device/serial                by which the metadata knows it
 * </pre>
 *
 * <p>They are called after NVMe disks because these say their serial in a file, where others are asked by a command that no door answers.
 */
final class DoorDisks {

    private DoorDisks() {}

    static String name(int disk) {
        return "nvme" + disk + "n1";
    }

    /** All of them, put nowhere yet. */
    static List<KernfsDirectory> of(AssembledContainer container) {
        List<KernfsDirectory> disks = new ArrayList<>();
        for (int disk = 0; disk < container.devices().size(); disk++) {
            disks.add(directory(
                    disk,
                    container.devices().get(disk).limits(),
                    serial(container, container.diskNames().get(disk))));
        }
        return disks;
    }

    private static KernfsDirectory directory(int disk, BlockLimits limits, String serial) {
        return new KernfsDirectory(
                name(disk),
                new DeviceNumber().attribute(),
                constant("size", Long.toString(Sectors.ofBytes(limits.sizeBytes()))),
                constant("ro", "0"),
                new KernfsDirectory("queue", constant("logical_block_size", Integer.toString(limits.blockBytes()))),
                new KernfsDirectory("device", constant("serial", serial)));
    }

    private static KernfsAttribute constant(String name, String value) {
        return KernfsAttribute.readOnly(name, out -> out.append(value).line());
    }

    /** By which the metadata knows the disk at a place, printable; empty if by none. */
    static String serial(AssembledContainer container, String path) {
        Optional<String> serial = container.scan().disks().stream()
                .filter(disk -> disk.disk().location().equals(path))
                .findFirst()
                .flatMap(ScannedDisk::serial)
                .map(KnownSerial::text);
        return Printable.of(serial.orElse(""));
    }
}
