package redoubt.metadata.imsm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import redoubt.metadata.Bytes;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;

/** The way of an {@link ImsmSuper} from bytes and to bytes; the layout is drawn at its parts. */
final class ImsmBlock {

    private ImsmBlock() {}

    /**
     * Decodes a block whose size is in range and whose checksum is right.
     *
     * @param block anchor and extension, in the block's own order, whole sectors
     * @throws MetadataRefused if what it says cannot be
     */
    static ImsmSuper decode(byte[] block, DiskGeometry geometry) throws MetadataRefused {
        int size = LittleEndian.word(block, ImsmHeader.MPB_SIZE_AT);
        ImsmMpb bytes = new ImsmMpb(block, size, geometry);
        int diskCount = LittleEndian.u8(block, ImsmHeader.DISKS_AT);
        int devCount = LittleEndian.u8(block, ImsmHeader.DEVS_AT);
        long bbmSize = LittleEndian.u32(block, ImsmHeader.BBM_SIZE_AT);
        if (bbmSize > size - ImsmHeader.BYTES) {
            throw bytes.refused(
                    "bad block log",
                    ImsmHeader.BBM_SIZE_AT,
                    "it claims %d bytes of a block of %d".formatted(bbmSize, size));
        }
        int at = ImsmHeader.BYTES;
        List<ImsmDisk> disks = new ArrayList<>(diskCount);
        for (int i = 0; i < diskCount; i++, at += ImsmDisk.BYTES) {
            disks.add(ImsmDisk.read(bytes, at, i));
        }
        List<ImsmDev> devs = new ArrayList<>(devCount);
        for (int i = 0; i < devCount; i++) {
            ImsmDev dev = ImsmDev.read(bytes, at, diskCount, i);
            ImsmExtents.check(bytes, at, disks, devs, dev, i);
            devs.add(dev);
            at += dev.bytes();
        }
        int bbmAt = size - (int) bbmSize;
        if (bbmAt < at) {
            throw bytes.refused("bad block log", ImsmHeader.BBM_SIZE_AT, "it lies over the volumes");
        }
        ImsmSuper mpb = new ImsmSuper(
                ImsmHeader.read(block),
                disks,
                devs,
                Bytes.of(block, at, bbmAt - at),
                bbmSize == 0 ? null : ImsmBbmLog.read(bytes, bbmAt, (int) bbmSize),
                Bytes.of(block, size, block.length - size),
                false);
        return mpb.withRestated(!Arrays.equals(encode(mpb, geometry.sectorBytes()), block));
    }

    /**
     * The block in its own order, whole sectors, with size and checksum right.
     *
     * @param sectorBytes 512 or 4096
     */
    static byte[] encode(ImsmSuper mpb, int sectorBytes) {
        int unit = sectorBytes / 512;
        int size = mpb.bytes();
        ImsmBbmLog log = mpb.badBlocks();
        byte[] block = new byte[Math.ceilDiv(size, sectorBytes) * sectorBytes];
        mpb.header().write(block);
        LittleEndian.putWord(block, ImsmHeader.MPB_SIZE_AT, size);
        LittleEndian.putU8(block, ImsmHeader.DISKS_AT, mpb.disks().size());
        LittleEndian.putU8(block, ImsmHeader.DEVS_AT, mpb.devs().size());
        LittleEndian.putWord(block, ImsmHeader.BBM_SIZE_AT, log == null ? 0 : log.bytes());
        writeTables(mpb, block, unit);
        if (size + mpb.slack().length() == block.length) {
            mpb.slack().copyTo(block, size);
        }
        LittleEndian.putWord(block, ImsmHeader.CHECK_SUM_AT, ImsmChecksum.of(block, size));
        return block;
    }

    private static void writeTables(ImsmSuper mpb, byte[] block, int unit) {
        int at = ImsmHeader.BYTES;
        for (ImsmDisk disk : mpb.disks()) {
            disk.write(block, at, unit);
            at += ImsmDisk.BYTES;
        }
        for (ImsmDev dev : mpb.devs()) {
            dev.write(block, at, unit);
            at += dev.bytes();
        }
        mpb.unparsed().copyTo(block, at);
        ImsmBbmLog log = mpb.badBlocks();
        if (log != null) {
            log.write(block, at + mpb.unparsed().length(), unit);
        }
    }
}
