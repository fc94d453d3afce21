package redoubt.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;
import redoubt.assembly.AssembledContainer;
import redoubt.assembly.Disk;
import redoubt.base.Extent;
import redoubt.keeper.ExternalKeeper;
import redoubt.kernfs.KernfsDirectory;
import redoubt.kernfs.KernfsLink;
import redoubt.kernfs.KernfsNode;
import redoubt.md.ArrayAttributes;
import redoubt.md.ContainerAttributes;
import redoubt.md.KeeperStores;
import redoubt.md.Mdstat;
import redoubt.md.MdstatEntry;
import redoubt.md.Member;
import redoubt.metadata.VolumePicture;

/**
 * How the arrays of a container are called and shown, in every tree that shows them: by the volumes' names where the engine keeps the metadata;
 * by md's numbers, with the container among them, where a daemon does, for daemons know nothing else. The other name is a link each time.
 */
final class TreeShape {

    /** The number of the container's first volume; the next ones count downwards, as mdadm does. */
    private static final int FIRST_VOLUME_NODE = 126;

    private final AssembledContainer container;
    private final BooleanSupplier inUse;

    TreeShape(AssembledContainer container, BooleanSupplier inUse) {
        this.container = container;
        this.inUse = inUse;
    }

    /** The attributes of a volume, put nowhere yet; it listens from now on. The disks are those of the same tree, if they are in it. */
    ArrayAttributes array(
            AssembledContainer.Volume volume, @Nullable KeeperStores stores, List<KernfsDirectory> disks) {
        return new ArrayAttributes(node(volume), volume.array(), facts(container, volume, disks), inUse, stores);
    }

    /** What those can store who are no daemon; null where the engine keeps the metadata. */
    @Nullable
    KeeperStores onlooker(AssembledContainer.Volume volume) {
        return container
                .external()
                .map(keeper -> keeper.onlooker(volume.found().picture().index()))
                .orElse(null);
    }

    private String node(AssembledContainer.Volume volume) {
        return container.external().isPresent() ? number(volume) : Served.nodeName(volume.name());
    }

    private static String number(AssembledContainer.Volume volume) {
        return "md" + (FIRST_VOLUME_NODE - volume.found().picture().index());
    }

    /** What stands in {@code block}. */
    List<KernfsNode> block(List<ArrayAttributes> arrays, List<KernfsDirectory> inTree) {
        List<KernfsNode> nodes = new ArrayList<>(inTree);
        arrays.forEach(array -> nodes.add(array.directory()));
        if (container.external().isPresent()) {
            nodes.add(containerAttributes(inTree).directory());
        }
        for (int i = 0; i < arrays.size(); i++) {
            AssembledContainer.Volume volume = container.volumes().get(i);
            addLink(nodes, Served.nodeName(volume.name()), arrays.get(i).directory());
            addLink(nodes, number(volume), arrays.get(i).directory());
        }
        return nodes;
    }

    /** A name that somebody has already is his. */
    private static void addLink(List<KernfsNode> nodes, String name, KernfsDirectory target) {
        if (nodes.stream().noneMatch(node -> node.name().equals(name))) {
            nodes.add(new KernfsLink(name, target));
        }
    }

    /** The {@code mdstat} over these; it listens from now on. */
    Mdstat mdstat(List<ArrayAttributes> arrays, List<KernfsDirectory> inTree) {
        List<MdstatEntry> entries = new ArrayList<>(arrays);
        if (container.external().isPresent()) {
            entries.add(containerAttributes(inTree));
        }
        Mdstat mdstat = new Mdstat(entries);
        container.volumes().forEach(volume -> volume.array().addListener(mdstat));
        return mdstat;
    }

    private ContainerAttributes containerAttributes(List<KernfsDirectory> inTree) {
        List<ContainerAttributes.DiskFacts> disks = new ArrayList<>();
        ExternalKeeper keeper = container.external().orElseThrow();
        Set<String> names = new HashSet<>();
        for (int disk = 0; disk < container.diskNames().size(); disk++) {
            Extent area = keeper.metadataArea(disk);
            disks.add(new ContainerAttributes.DiskFacts(
                    inTree.isEmpty()
                            ? diskName(container.diskNames().get(disk), disk, names)
                            : inTree.get(disk).name(),
                    area.offset(),
                    area.length(),
                    inTree.isEmpty() ? null : inTree.get(disk)));
        }
        return new ContainerAttributes(
                AssembledContainer.CONTAINER_NODE, container.picture().format(), disks);
    }

    private static ArrayAttributes.Facts facts(
            AssembledContainer container, AssembledContainer.Volume volume, List<KernfsDirectory> inTree) {
        VolumePicture picture = volume.found().picture();
        List<ArrayAttributes.@Nullable MemberFacts> members = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (int slot = 0; slot < volume.array().view().slots(); slot++) {
            Member member = volume.array().view().occupant(slot);
            members.add(member == null ? null : memberFacts(container, member, names, inTree));
        }
        boolean chunked = !volume.array().traits().level().word().equals("raid1");
        return new ArrayAttributes.Facts(
                container.picture().format(),
                picture.uuid().colonForm(),
                picture.layout(),
                chunked ? picture.chunkBytes() : 0,
                members);
    }

    /** A disk is called after its file; two files of one name are told apart by a number. */
    private static String diskName(String path, int number, Set<String> names) {
        String name = Served.nodeName(path.substring(path.lastIndexOf('/') + 1));
        if (!names.add(name)) {
            name = name + "~" + number;
            names.add(name);
        }
        return name;
    }

    private static ArrayAttributes.MemberFacts memberFacts(
            AssembledContainer container, Member member, Set<String> names, List<KernfsDirectory> inTree) {
        String path = member.name();
        KernfsDirectory disk =
                inTree.isEmpty() ? null : inTree.get(container.diskNames().indexOf(path));
        String name = disk == null ? diskName(path, member.slot(), names) : disk.name();
        return new ArrayAttributes.MemberFacts(
                name, Console.printable(absolute(path)), DoorDisks.serial(container, path), disk);
    }

    /** Who asks where a member is may stand somewhere else. */
    private static String absolute(String path) {
        return Disk.at(path).isUri()
                ? path
                : Path.of(path).toAbsolutePath().normalize().toString();
    }
}
