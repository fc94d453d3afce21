package redoubt.md;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redoubt.base.Sectors;
import redoubt.kernfs.AttributeText;
import redoubt.kernfs.Errno;
import redoubt.kernfs.KernfsAttribute;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsLink;
import redoubt.kernfs.KernfsNode;
import redoubt.kernfs.Outcome;

/**
 * A container as the kernel shows one: an md device that never runs, without level and without members in sync, which only says which disks
 * there are and what kind of metadata they carry.
 */
public final class ContainerAttributes implements MdstatEntry {

    /**
     * A disk of the container.
     *
     * @param name its directory is called {@code dev-NAME}
     * @param offsetBytes where the metadata area begins
     * @param sizeBytes how long it is
     * @param disk what {@code block} leads to; null if the disk is not in the tree
     */
    public record DiskFacts(
            String name,
            long offsetBytes,
            long sizeBytes,
            @Nullable KernfsDirectory disk) {

        /** The facts of a disk that is not in the tree. */
        public DiskFacts(String name, long offsetBytes, long sizeBytes) {
            this(name, offsetBytes, sizeBytes, null);
        }
    }

    private static final Outcome NOT_RUNNING =
            Outcome.refused(Errno.EINVAL, "a container does not run; only the arrays in it do");
    private static final Outcome SERVED =
            Outcome.refused(Errno.EBUSY, "the container is being served; stop what serves it instead");
    private static final Outcome FIXED = Outcome.refused(Errno.EBUSY, "its disks are in use by arrays");

    private final String name;
    private final String metadataVersion;
    private final List<DiskFacts> disks;
    private final DeviceNumber number = new DeviceNumber();
    private final KernfsDirectory directory;

    /**
     * Builds the directory, not put anywhere yet.
     *
     * @param name such as md127
     * @param format such as imsm
     */
    public ContainerAttributes(String name, String format, List<DiskFacts> disks) {
        this.name = name;
        this.metadataVersion = "external:" + format;
        this.disks = List.copyOf(disks);
        List<KernfsNode> content = new ArrayList<>(List.of(
                fixed("array_state", "inactive\n", NOT_RUNNING).preallocated(),
                fixed("metadata_version", metadataVersion + "\n", FIXED).preallocated(),
                fixed("level", "", FIXED),
                fixed("raid_disks", "", FIXED),
                fixed("layout", "0\n", FIXED),
                fixed("chunk_size", "0\n", FIXED),
                fixed("component_size", "0\n", FIXED),
                fixed("array_size", "default\n", FIXED)));
        for (DiskFacts disk : disks) {
            List<KernfsNode> device = new ArrayList<>(List.of(
                    fixed("state", "spare,external_bbl\n", SERVED).preallocated(),
                    fixed("slot", "none\n", FIXED),
                    fixed("offset", Sectors.ofBytes(disk.offsetBytes()) + "\n", FIXED),
                    fixed("size", disk.sizeBytes() / 1024 + "\n", FIXED),
                    fixed("recovery_start", "none\n", FIXED),
                    fixed("errors", "0\n", FIXED)));
            KernfsDirectory inTree = disk.disk();
            if (inTree != null) {
                device.add(new KernfsLink("block", inTree));
            }
            content.add(new KernfsDirectory("dev-" + disk.name(), device.toArray(KernfsNode[]::new)));
        }
        this.directory = new KernfsDirectory(
                name,
                number.attribute(),
                KernfsAttribute.readOnly("size", out -> out.append("0").line()),
                new KernfsDirectory("md", content.toArray(KernfsNode[]::new)));
    }

    private static KernfsAttribute fixed(String name, String text, Outcome refusal) {
        return KernfsAttribute.readWrite(
                name,
                out -> {
                    out.append(text);
                    return Outcome.OK;
                },
                value -> refusal);
    }

    /** The directory that stands for the container. */
    public KernfsDirectory directory() {
        return directory;
    }

    @Override
    public void appendMdstat(AttributeText out) {
        out.append(name).append(" : inactive");
        long kib = 0;
        for (int disk = disks.size() - 1; disk >= 0; disk--) {
            out.append(' ')
                    .append(disks.get(disk).name())
                    .append('[')
                    .append(disk)
                    .append("](S)");
            kib += disks.get(disk).sizeBytes() / 1024;
        }
        out.append("\n      ").append(kib).append(" blocks super ").append(metadataVersion);
        out.append("\n       \n");
    }

    @Override
    public void viewChanged(ArrayView before, ArrayView after) {
        // Nothing of a container changes while its arrays run.
    }

    @Override
    public void event(String word, String member) {
        // As above.
    }
}
