package redoubt.metadata.imsm;

import org.jspecify.annotations.Nullable;
import redoubt.metadata.Bytes;
import redoubt.metadata.LittleEndian;
import redoubt.metadata.MetadataRefused;

/**
 * The moving part of a volume: dirty mark, migration, and one map or two, 32 bytes and the maps (docs/FORMATS.md, "vol").
 *
 * <pre>
 *    0 curr_migr_unit_lo (4)   4 checkpoint_id (4)    8 migr_state (1)    9 migr_type (1)
 *   10 dirty (1)              11 fs_state (1)        12 verify_errors (2) 14 bad_blocks (2)
 *   16 curr_migr_unit_hi (4)  20 filler (12)         32 map[0], then map[1] while migr_state is not 0
 * </pre>
 *
 * Two maps: while a migration runs, map[0] is the state it leads to and map[1] the state it came from.
 *
 * @param migrationUnit units of the migration that are done; on 4096-byte disks it is scaled by 8 although it counts no blocks
 * @param checkpointId kept as found
 * @param migrationState not 0 while a migration runs
 * @param migrationType which, see {@link ImsmDev#migration()}
 * @param dirty bit 0 dirty, bit 1 dirty-stripe record valid
 * @param fsState kept as found
 * @param verifyErrors kept as found
 * @param badBlocks kept as found
 * @param filler kept as found
 * @param map map[0]
 * @param sourceMap map[1], absent while no migration runs
 */
public record ImsmVol(
        long migrationUnit,
        int checkpointId,
        int migrationState,
        int migrationType,
        int dirty,
        int fsState,
        int verifyErrors,
        int badBlocks,
        Bytes filler,
        ImsmMap map,
        @Nullable ImsmMap sourceMap) {

    static final int DIRTY = 0x01;
    static final int STRIPE_RECORD_VALID = 0x02;
    static final int FILLER_BYTES = 12;

    static final int INIT = 0;
    static final int REBUILD = 1;
    static final int VERIFY = 2;
    static final int GENERAL = 3;
    static final int STATE_CHANGE = 4;
    static final int REPAIR = 5;

    private static final int HEADER_BYTES = 32;
    private static final int UNIT_LO_AT = 0;
    private static final int CHECKPOINT_ID_AT = 4;
    private static final int MIGRATION_STATE_AT = 8;
    private static final int MIGRATION_TYPE_AT = 9;
    static final int DIRTY_AT = 10;
    private static final int FS_STATE_AT = 11;
    private static final int VERIFY_ERRORS_AT = 12;
    private static final int BAD_BLOCKS_AT = 14;
    private static final int UNIT_HI_AT = 16;
    private static final int FILLER_AT = 20;
    static final int MAP_AT = 32;

    static ImsmVol read(ImsmMpb mpb, int at, int diskCount, String what) throws MetadataRefused {
        mpb.need(at, HEADER_BYTES, what);
        byte[] block = mpb.block();
        int migrationState = LittleEndian.u8(block, at + MIGRATION_STATE_AT);
        int migrationType = LittleEndian.u8(block, at + MIGRATION_TYPE_AT);
        if (migrationType > REPAIR) {
            throw mpb.refused(
                    "migration type of " + what,
                    at + MIGRATION_TYPE_AT,
                    "it is " + migrationType + ", and 0 to " + REPAIR + " exist");
        }
        ImsmMap map = ImsmMap.read(mpb, at + MAP_AT, diskCount, what);
        ImsmMap source = migrationState == 0
                ? null
                : ImsmMap.read(mpb, at + MAP_AT + map.bytes(), diskCount, "the second map of " + what);
        return new ImsmVol(
                mpb.scaled(
                        LittleEndian.joined(block, at + UNIT_LO_AT, at + UNIT_HI_AT),
                        at + UNIT_LO_AT,
                        "checkpoint of " + what),
                LittleEndian.word(block, at + CHECKPOINT_ID_AT),
                migrationState,
                migrationType,
                LittleEndian.u8(block, at + DIRTY_AT),
                LittleEndian.u8(block, at + FS_STATE_AT),
                LittleEndian.u16(block, at + VERIFY_ERRORS_AT),
                LittleEndian.u16(block, at + BAD_BLOCKS_AT),
                Bytes.of(block, at + FILLER_AT, FILLER_BYTES),
                map,
                source);
    }

    void write(byte[] block, int at, int unit) {
        LittleEndian.putJoined(block, at + UNIT_LO_AT, at + UNIT_HI_AT, migrationUnit / unit);
        LittleEndian.putWord(block, at + CHECKPOINT_ID_AT, checkpointId);
        LittleEndian.putU8(block, at + MIGRATION_STATE_AT, migrationState);
        LittleEndian.putU8(block, at + MIGRATION_TYPE_AT, migrationType);
        LittleEndian.putU8(block, at + DIRTY_AT, dirty);
        LittleEndian.putU8(block, at + FS_STATE_AT, fsState);
        LittleEndian.putU16(block, at + VERIFY_ERRORS_AT, verifyErrors);
        LittleEndian.putU16(block, at + BAD_BLOCKS_AT, badBlocks);
        filler.copyTo(block, at + FILLER_AT);
        map.write(block, at + MAP_AT, unit);
        if (sourceMap != null) {
            sourceMap.write(block, at + MAP_AT + map.bytes(), unit);
        }
    }

    int bytes() {
        return HEADER_BYTES + map.bytes() + (sourceMap == null ? 0 : sourceMap.bytes());
    }

    boolean migrating() {
        return migrationState != 0;
    }

    boolean isDirty() {
        return (dirty & DIRTY) != 0;
    }

    /** The map that says who is in sync: where a migration came from, else the only one. */
    ImsmMap truthMap() {
        return sourceMap == null ? map : sourceMap;
    }

    ImsmVol withMap(ImsmMap newMap) {
        return new ImsmVol(
                migrationUnit,
                checkpointId,
                migrationState,
                migrationType,
                dirty,
                fsState,
                verifyErrors,
                badBlocks,
                filler,
                newMap,
                sourceMap);
    }

    ImsmVol withSourceMap(ImsmMap newSource) {
        return new ImsmVol(
                migrationUnit,
                checkpointId,
                migrationState,
                migrationType,
                dirty,
                fsState,
                verifyErrors,
                badBlocks,
                filler,
                map,
                newSource);
    }

    ImsmVol withDirty(int newDirty) {
        return new ImsmVol(
                migrationUnit,
                checkpointId,
                migrationState,
                migrationType,
                newDirty,
                fsState,
                verifyErrors,
                badBlocks,
                filler,
                map,
                sourceMap);
    }

    ImsmVol withMigrationUnit(long unit) {
        return new ImsmVol(
                unit,
                checkpointId,
                migrationState,
                migrationType,
                dirty,
                fsState,
                verifyErrors,
                badBlocks,
                filler,
                map,
                sourceMap);
    }

    /** A migration begins: the map as it is becomes the source, and {@code target} what it leads to. */
    ImsmVol migrating(int type, ImsmMap target) {
        return new ImsmVol(0, checkpointId, 1, type, dirty, fsState, verifyErrors, badBlocks, filler, target, map);
    }

    /** No migration, and this map. */
    ImsmVol settled(ImsmMap newMap) {
        return new ImsmVol(0, checkpointId, 0, 0, dirty, fsState, verifyErrors, badBlocks, filler, newMap, null);
    }
}
