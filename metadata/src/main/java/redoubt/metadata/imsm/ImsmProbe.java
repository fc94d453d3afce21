package redoubt.metadata.imsm;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import redoubt.metadata.BlockReader;
import redoubt.metadata.Bytes;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.DiskMetadata;
import redoubt.metadata.Finding;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;
import redoubt.metadata.Migration;
import redoubt.metadata.ReadFailed;

/**
 * Reads one disk: the anchor, then the extension whose length the anchor states, and the migration record where a reshape is under way. At
 * most 64 KiB and one sector are read, in at most three reads, and no field but signature and size is believed before the checksum
 * is right (docs/FORMATS.md, "Where it stands"), but where the old one proves what was cut ({@link ImsmCutWrite}).
 */
final class ImsmProbe {

    private static final byte[] SIGNATURE = ImsmHeader.SIGNATURE_TEXT.getBytes(StandardCharsets.ISO_8859_1);

    private ImsmProbe() {}

    static Finding probe(DiskGeometry geometry, BlockReader reader) throws ReadFailed {
        int sector = geometry.sectorBytes();
        if (geometry.sizeBytes() < 2L * sector || geometry.sizeBytes() % sector != 0) {
            return new Finding.Absent();
        }
        ImsmPlaces places = ImsmPlaces.of(geometry, sector);
        byte[] anchor = read(reader, places.anchorAt(), sector);
        if (!Arrays.equals(anchor, 0, SIGNATURE.length, SIGNATURE, 0, SIGNATURE.length)) {
            return new Finding.Absent();
        }
        long size = LittleEndian.u32(anchor, ImsmHeader.MPB_SIZE_AT);
        if (size < ImsmPlaces.MPB_BYTES_MIN || size > ImsmPlaces.MPB_BYTES_MAX || size % 4 != 0) {
            return malformed(
                    places,
                    "it is %d bytes, and a block has %d to %d in words of 4"
                            .formatted(size, ImsmPlaces.MPB_BYTES_MIN, ImsmPlaces.MPB_BYTES_MAX));
        }
        places = ImsmPlaces.of(geometry, (int) size);
        if (places.extensionAt() < 0) {
            return malformed(places, "it is %d bytes, more than the disk has room for".formatted(size));
        }
        byte[] block = Arrays.copyOf(anchor, places.blockBytes());
        if (places.extensionSectors() > 0) {
            byte[] extension = read(reader, places.extensionAt(), places.extensionBytes());
            System.arraycopy(extension, 0, block, sector, extension.length);
        }
        int stated = LittleEndian.word(block, ImsmHeader.CHECK_SUM_AT);
        int actual = ImsmChecksum.of(block, (int) size);
        try {
            if (stated == actual) {
                return new Finding.Whole(whole(geometry, places, ImsmBlock.decode(block, geometry), reader));
            }
            Optional<ImsmSuper> believable = ImsmCutWrite.believable(block, geometry, stated);
            return torn(
                    places,
                    block,
                    actual,
                    believable.isPresent()
                            ? Optional.of(whole(geometry, places, believable.get(), reader))
                            : Optional.empty());
        } catch (MetadataRefused refused) {
            return new Finding.Malformed(refused);
        }
    }

    private static DiskMetadata whole(DiskGeometry geometry, ImsmPlaces places, ImsmSuper mpb, BlockReader reader)
            throws ReadFailed, MetadataRefused {
        Optional<ImsmMigrationRecord> record = Optional.empty();
        if (mpb.devs().stream().anyMatch(dev -> dev.migration() == Migration.Kind.GENERAL)) {
            byte[] last = read(reader, places.migrationRecordAt(), geometry.sectorBytes());
            record = Optional.of(ImsmMigrationRecord.read(last, geometry.sectorBytes() / 512));
        }
        return new ImsmDiskMetadata(mpb, geometry, record);
    }

    private static Finding.Torn torn(ImsmPlaces places, byte[] block, int actual, Optional<DiskMetadata> believable) {
        int stated = LittleEndian.word(block, ImsmHeader.CHECK_SUM_AT);
        int original = LittleEndian.word(block, ImsmHeader.ORIGINAL_FAMILY_AT);
        int identity = original != 0 ? original : LittleEndian.word(block, ImsmHeader.FAMILY_AT);
        String because =
                ("IMSM metadata at byte %d of the disk: the checksum is %08x and the content sums up to %08x, so a write was "
                                + "cut short or the sector is damaged; read again, or use the copy on another member")
                        .formatted(places.anchorAt(), stated, actual);
        return new Finding.Torn(
                because,
                new Finding.TornClaim(
                        ImsmDiskMetadata.identityText(identity),
                        LittleEndian.u32(block, ImsmHeader.GENERATION_AT),
                        failedInTheAnchor(block, places)),
                believable);
    }

    private static List<String> failedInTheAnchor(byte[] block, ImsmPlaces places) {
        List<String> failed = new ArrayList<>();
        int count = LittleEndian.u8(block, ImsmHeader.DISKS_AT);
        for (int index = 0; index < count; index++) {
            int at = ImsmHeader.BYTES + ImsmDisk.BYTES * index;
            if (at + ImsmDisk.BYTES > places.sectorBytes()) {
                break;
            }
            if ((LittleEndian.word(block, at + ImsmDisk.STATUS_AT) & ImsmDisk.FAILED) != 0) {
                failed.add(ImsmSerial.text(Bytes.of(block, at, ImsmDisk.SERIAL_BYTES)));
            }
        }
        return failed;
    }

    private static Finding malformed(ImsmPlaces places, String because) {
        return new Finding.Malformed(MetadataRefused.malformed(
                "IMSM metadata, size of the block",
                places.onDisk(ImsmHeader.MPB_SIZE_AT),
                because,
                "use the copy on another member, or restore a backup of this block"));
    }

    private static byte[] read(BlockReader reader, long offset, int length) throws ReadFailed {
        byte[] bytes = reader.read(offset, length);
        if (bytes.length != length) {
            throw new ReadFailed("%d bytes at byte %d of the disk were asked for and %d came"
                    .formatted(length, offset, bytes.length));
        }
        return bytes;
    }
}
