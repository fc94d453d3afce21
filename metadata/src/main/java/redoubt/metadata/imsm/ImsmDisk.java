package redoubt.metadata.imsm;

import java.util.EnumSet;
import java.util.Set;
import redoubt.metadata.Bytes;
import redoubt.metadata.DiskState;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;

/**
 * An entry of the disk table, 48 bytes (docs/FORMATS.md, "Disk").
 *
 * <pre>
 *    0 serial (16)            16 total_blocks_lo (4)   20 scsi_id (4)
 *   24 status (4)             28 owner_cfg_num (4)     32 total_blocks_hi (4)
 *   36 filler (12)
 * </pre>
 *
 * @param serial 16 bytes, NUL padded, not always NUL terminated; see {@link ImsmSerial}
 * @param totalBlocks size in 512-byte sectors
 * @param scsiId bus address; 0xFFFFFFFF marks a missing disk
 * @param status the bits below
 * @param ownerConfig which configuration owns the disk; kept as found
 * @param filler kept as found
 */
public record ImsmDisk(Bytes serial, long totalBlocks, int scsiId, int status, int ownerConfig, Bytes filler) {

    static final int BYTES = 48;
    static final int SERIAL_BYTES = 16;
    static final int SPARE = 0x01;
    static final int CONFIGURED = 0x02;
    static final int FAILED = 0x04;
    static final int JOURNAL = 0x02000000;
    static final int SCSI_ID_MISSING = 0xFFFFFFFF;

    private static final int SERIAL_AT = 0;
    private static final int TOTAL_BLOCKS_LO_AT = 16;
    private static final int SCSI_ID_AT = 20;
    static final int STATUS_AT = 24;
    private static final int OWNER_AT = 28;
    private static final int TOTAL_BLOCKS_HI_AT = 32;
    private static final int FILLER_AT = 36;
    private static final int FILLER_BYTES = 12;

    static ImsmDisk read(ImsmMpb mpb, int at, int index) throws MetadataRefused {
        String what = "disk entry " + index;
        mpb.need(at, BYTES, what);
        byte[] block = mpb.block();
        return new ImsmDisk(
                Bytes.of(block, at + SERIAL_AT, SERIAL_BYTES),
                mpb.sectors(at + TOTAL_BLOCKS_LO_AT, at + TOTAL_BLOCKS_HI_AT, "size of " + what),
                LittleEndian.word(block, at + SCSI_ID_AT),
                LittleEndian.word(block, at + STATUS_AT),
                LittleEndian.word(block, at + OWNER_AT),
                Bytes.of(block, at + FILLER_AT, FILLER_BYTES));
    }

    void write(byte[] block, int at, int unit) {
        serial.copyTo(block, at + SERIAL_AT);
        LittleEndian.putJoined(block, at + TOTAL_BLOCKS_LO_AT, at + TOTAL_BLOCKS_HI_AT, totalBlocks / unit);
        LittleEndian.putWord(block, at + SCSI_ID_AT, scsiId);
        LittleEndian.putWord(block, at + STATUS_AT, status);
        LittleEndian.putWord(block, at + OWNER_AT, ownerConfig);
        filler.copyTo(block, at + FILLER_AT);
    }

    /** A disk that no block has described yet. */
    static ImsmDisk fresh(String serial, long totalBlocks, int scsiId, int status) {
        return new ImsmDisk(ImsmSerial.raw(serial), totalBlocks, scsiId, status, 0, Bytes.zeros(FILLER_BYTES));
    }

    /** The serial up to its NUL. */
    public String serialText() {
        return ImsmSerial.text(serial);
    }

    boolean failed() {
        return (status & FAILED) != 0;
    }

    boolean spareOrJournal() {
        return (status & (SPARE | JOURNAL)) != 0;
    }

    boolean configured() {
        return (status & CONFIGURED) != 0;
    }

    Set<DiskState> states() {
        Set<DiskState> states = EnumSet.noneOf(DiskState.class);
        if ((status & SPARE) != 0) {
            states.add(DiskState.SPARE);
        }
        if (configured()) {
            states.add(DiskState.CONFIGURED);
        }
        if (failed()) {
            states.add(DiskState.FAILED);
        }
        if ((status & JOURNAL) != 0) {
            states.add(DiskState.JOURNAL);
        }
        return states;
    }

    ImsmDisk withStatus(int newStatus) {
        return new ImsmDisk(serial, totalBlocks, scsiId, newStatus, ownerConfig, filler);
    }

    ImsmDisk withSerial(Bytes newSerial) {
        return new ImsmDisk(newSerial, totalBlocks, scsiId, status, ownerConfig, filler);
    }

    ImsmDisk withScsiId(int newScsiId) {
        return new ImsmDisk(serial, totalBlocks, newScsiId, status, ownerConfig, filler);
    }
}
