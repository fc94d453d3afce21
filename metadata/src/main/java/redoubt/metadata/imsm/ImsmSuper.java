package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import redoubt.metadata.Bytes;

/**
 * The metadata block of a container (docs/FORMATS.md, "Intel IMSM"): a header, the disk table, the volumes one behind another, the bad
 * block log.
 *
 * @param header what stands before the tables
 * @param disks the disk table
 * @param devs the volumes
 * @param unparsed bytes between the last volume and the bad block log, kept as found; none in what open tools write
 * @param badBlocks the bad block log, absent when its size is 0
 * @param slack bytes behind the block in its last sector, which no checksum covers
 * @param restated whether this would be written in other bytes than were found on some disk, junk of old firmware for example: then nothing
 *     may be left out of a write because it is there already
 */
public record ImsmSuper(
        ImsmHeader header,
        List<ImsmDisk> disks,
        List<ImsmDev> devs,
        Bytes unparsed,
        @Nullable ImsmBbmLog badBlocks,
        Bytes slack,
        boolean restated) {

    /** More than a year of a dirty and a clean mark in each five seconds. */
    private static final int GENERATIONS_KEPT = 1 << 24;

    /** Takes unchangeable copies of the lists. */
    public ImsmSuper {
        disks = List.copyOf(disks);
        devs = List.copyOf(devs);
    }

    /** Bytes of the block: mpb_size. */
    public int bytes() {
        int sum = ImsmHeader.BYTES + ImsmDisk.BYTES * disks.size() + unparsed.length();
        for (ImsmDev dev : devs) {
            sum += dev.bytes();
        }
        return sum + (badBlocks == null ? 0 : badBlocks.bytes());
    }

    /** The block in its own order, whole sectors, with size and checksum right. */
    byte[] encode(int sectorBytes) {
        return ImsmBlock.encode(this, sectorBytes);
    }

    // ---------------------------------------------------------------------------------------------- the header

    /** The version text. */
    public String version() {
        return header.version();
    }

    /** family_num. */
    public int family() {
        return header.family();
    }

    /** orig_family_num; 0 where an old tool never set it. */
    public int originalFamily() {
        return header.originalFamily();
    }

    /** The number by which containers are told apart: the original family, or the family where an old tool never set it. */
    public int identity() {
        return originalFamily() != 0 ? originalFamily() : family();
    }

    /** generation_num as it stands. */
    public int generation() {
        return header.generation();
    }

    /** Count of writes. */
    public long generationUnsigned() {
        return Integer.toUnsignedLong(generation());
    }

    /** The bits of {@link ImsmAttributes}. */
    public int attributes() {
        return header.attributes();
    }

    /** Seconds since 1970, 0 for unknown. */
    public long creationTime() {
        return header.creationTime();
    }

    ImsmSuper withFamily(int newFamily, int newOriginal) {
        return withHeader(header.withFamily(newFamily, newOriginal));
    }

    /** Whether so few generations are left that a served volume might use them up: they are compared as numbers, and begin again at 0. */
    boolean generationRunsOut() {
        return generationUnsigned() > 0xFFFF_FFFFL - GENERATIONS_KEPT;
    }

    ImsmSuper withGeneration(int newGeneration) {
        return withHeader(header.withGeneration(newGeneration));
    }

    ImsmSuper withAttributes(int newAttributes) {
        return withHeader(header.withAttributes(newAttributes));
    }

    ImsmSuper withRestated(boolean newRestated) {
        return new ImsmSuper(header, disks, devs, unparsed, badBlocks, slack, newRestated);
    }

    ImsmSuper withHeader(ImsmHeader newHeader) {
        return new ImsmSuper(newHeader, disks, devs, unparsed, badBlocks, slack, restated);
    }

    // ---------------------------------------------------------------------------------------------- the tables

    /** Whether this is the private block of a pristine spare, or of a container without volumes. */
    boolean withoutVolumes() {
        return devs.isEmpty();
    }

    /** The first entry with this serial, or -1. */
    int indexOf(String serial) {
        for (int i = 0; i < disks.size(); i++) {
            if (disks.get(i).serialText().equals(serial)) {
                return i;
            }
        }
        return -1;
    }

    boolean generalMigrationRuns() {
        return devs.stream().anyMatch(dev -> dev.migration() == redoubt.metadata.Migration.Kind.GENERAL);
    }

    ImsmSuper withDisks(List<ImsmDisk> newDisks) {
        return new ImsmSuper(header, newDisks, devs, unparsed, badBlocks, slack, restated);
    }

    ImsmSuper withDisk(int index, ImsmDisk disk) {
        List<ImsmDisk> changed = new ArrayList<>(disks);
        changed.set(index, disk);
        return withDisks(changed);
    }

    ImsmSuper withDevs(List<ImsmDev> newDevs) {
        return new ImsmSuper(header, disks, newDevs, unparsed, badBlocks, slack, restated);
    }

    ImsmSuper withDev(int index, ImsmDev dev) {
        List<ImsmDev> changed = new ArrayList<>(devs);
        changed.set(index, dev);
        return withDevs(changed);
    }

    /** With a log, which is dropped together with its attribute when it is empty. */
    ImsmSuper withBadBlocks(ImsmBbmLog log) {
        boolean empty = log.entries().isEmpty();
        int bits = empty ? attributes() & ~ImsmAttributes.BBM : attributes() | ImsmAttributes.BBM;
        return new ImsmSuper(header.withAttributes(bits), disks, devs, unparsed, empty ? null : log, slack, restated);
    }
}
