package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import redoubt.metadata.ContainerMetadata;
import redoubt.metadata.ContainerPicture;
import redoubt.metadata.DiskEntry;
import redoubt.metadata.DiskState;
import redoubt.metadata.MetadataEvent;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.WriteRound;

/**
 * A container: one block that all members share byte for byte, and the physical disks, of which only the serial says which is which.
 * Pristine spares stand beside the block; each carries a small block of its own ({@link ImsmSpare}).
 *
 * @param mpb the shared block; without disks and volumes as long as the container has none
 * @param sectorBytes sector size of all disks
 * @param members the physical disks, members and spares
 */
public record ImsmContainer(ImsmSuper mpb, int sectorBytes, List<ImsmMember> members) implements ContainerMetadata {

    /** Takes an unchangeable copy, members first, in the order of the table. */
    public ImsmContainer {
        List<ImsmMember> sorted = new ArrayList<>(members);
        sorted.sort(Comparator.comparing(ImsmMember::isSpare)
                .thenComparingInt(ImsmMember::index)
                .thenComparingInt(ImsmMember::disk));
        members = List.copyOf(sorted);
    }

    @Override
    public String format() {
        return ImsmFormat.NAME;
    }

    @Override
    public ContainerPicture picture() {
        List<DiskEntry> spares = members.stream()
                .filter(ImsmMember::isSpare)
                .map(spare -> new DiskEntry(
                        OptionalInt.empty(),
                        Optional.of(spare.serial()),
                        spare.geometry().sizeSectors(),
                        EnumSet.of(DiskState.SPARE),
                        OptionalInt.of(spare.disk())))
                .toList();
        return new ImsmPictures(mpb, sectorBytes, this::present, this::diskOf).container(spares);
    }

    @Override
    public ContainerMetadata apply(MetadataEvent event) throws MetadataRefused {
        return ImsmEvents.apply(this, event);
    }

    @Override
    public boolean sameOnDisk(ContainerMetadata other) {
        return other instanceof ImsmContainer that
                && mpb.withGeneration(0).equals(that.mpb.withGeneration(0))
                && written().equals(that.written());
    }

    /** The disks that get something when this image is written. */
    private List<ImsmMember> written() {
        return members.stream()
                .filter(member -> member.isSpare() || usable(member.index()))
                .toList();
    }

    @Override
    public WriteRound write(Optional<ContainerMetadata> onDisk) throws MetadataRefused {
        return ImsmWrites.round(this, onDisk.map(ImsmContainer::of));
    }

    @Override
    public ContainerMetadata newerThan(long generation) {
        return generation > mpb.generationUnsigned()
                ? new ImsmContainer(mpb.withGeneration((int) generation), sectorBytes, members)
                : this;
    }

    @Override
    public OptionalInt indexOf(int disk) {
        return members.stream()
                .filter(member -> member.disk() == disk && !member.isSpare())
                .mapToInt(ImsmMember::index)
                .findFirst();
    }

    static ImsmContainer of(ContainerMetadata container) {
        if (container instanceof ImsmContainer imsm) {
            return imsm;
        }
        throw new IllegalArgumentException("a container of format " + container.format() + " came to imsm");
    }

    boolean present(int index) {
        return memberAt(index).isPresent();
    }

    /** Whether an entry has a physical disk and is not recorded as failed. */
    boolean usable(int index) {
        return present(index) && !mpb.disks().get(index).failed();
    }

    private OptionalInt diskOf(int index) {
        return memberAt(index).map(member -> OptionalInt.of(member.disk())).orElse(OptionalInt.empty());
    }

    Optional<ImsmMember> memberAt(int index) {
        for (ImsmMember member : members) {
            if (member.index() == index && !member.isSpare()) {
                return Optional.of(member);
            }
        }
        return Optional.empty();
    }

    Optional<ImsmMember> memberOf(int disk) {
        for (ImsmMember member : members) {
            if (member.disk() == disk) {
                return Optional.of(member);
            }
        }
        return Optional.empty();
    }

    ImsmContainer withMpb(ImsmSuper newMpb) {
        return new ImsmContainer(newMpb, sectorBytes, members);
    }

    ImsmContainer withMembers(List<ImsmMember> newMembers) {
        return new ImsmContainer(mpb, sectorBytes, newMembers);
    }
}
