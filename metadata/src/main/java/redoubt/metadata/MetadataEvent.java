package redoubt.metadata;

import java.util.Optional;

/**
 * What can happen to a running container. Volumes and slots are counted from 0; sectors have 512 bytes and are counted on a member from
 * the start of the volume's data, unless said otherwise.
 */
public sealed interface MetadataEvent {

    /**
     * A volume is about to be written for the first time since assembly: members that are named but not there are recorded as failed,
     * now and not at load.
     */
    record VolumeActivated(int volume) implements MetadataEvent {}

    /** A write may be in flight from now on. */
    record MarkDirty(int volume) implements MetadataEvent {}

    /** No write is in flight. */
    record MarkClean(int volume) implements MetadataEvent {}

    /** The member in a slot is not to be believed any more. */
    record MemberFailed(int volume, int slot) implements MetadataEvent {}

    /** Making redundancy begins: for the first time (uninitialized volume), or again. */
    record ResyncStarted(int volume) implements MetadataEvent {}

    /** The resync or rebuild under way has done so many sectors of the component. */
    record SyncCheckpoint(int volume, long positionSectors) implements MetadataEvent {}

    /** Redundancy is made. */
    record ResyncFinished(int volume) implements MetadataEvent {}

    /**
     * A disk begins to replace the member of a slot.
     *
     * @param disk the caller's number of a spare of this container, or of the slot's own disk when that came back
     * @param seeds the family number is changed by {@code seeds.random()}
     */
    record RebuildStarted(int volume, int slot, int disk, Seeds seeds) implements MetadataEvent {}

    /** The member in the slot now holds all its data. */
    record RebuildFinished(int volume, int slot) implements MetadataEvent {}

    /**
     * A disk joins the container as a spare.
     *
     * @param busAddress SCSI address as the format writes it, 0 when there is none
     */
    record SpareAdded(int disk, DiskGeometry geometry, String serial, int busAddress) implements MetadataEvent {}

    /** A disk is gone or must not be written any more. For a member this records nothing; see {@link MemberFailed}. */
    record DiskGone(int disk) implements MetadataEvent {}

    /** Sectors of a member that cannot be read. {@code startSector} counts from the start of the disk. */
    record BadBlocksFound(int volume, int slot, long startSector, int sectors) implements MetadataEvent {}

    /** Sectors, exactly as they were recorded, can be read again. {@code startSector} counts from the start of the disk. */
    record BadBlocksCleared(int volume, int slot, long startSector, int sectors) implements MetadataEvent {}

    /** The way in which a volume becomes consistent changes. */
    record PolicyChanged(int volume, ConsistencyPolicy policy) implements MetadataEvent {}

    /**
     * What a pure codec cannot make itself.
     *
     * @param random 32 random bits
     * @param epochSeconds time of day; empty when it is not to be recorded
     */
    record Seeds(int random, Optional<Long> epochSeconds) {}
}
