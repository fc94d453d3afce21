package redoubt.assembly;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.random.RandomGenerator;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.MetadataFormat;
import redoubt.metadata.ReadFailed;

/**
 * A disk that is about to become a member or a spare.
 *
 * @param open the disk
 * @param geometry its size, and the sector size in which its metadata counts
 * @param serial by which the container will know it
 * @param generated whether that serial was made up, because nobody knows one
 * @param holds what is on it now, in words; empty for an empty disk
 */
record NewMember(OpenDisk open, DiskGeometry geometry, String serial, boolean generated, List<String> holds) {

    private static final String SERIAL_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    private static final int SERIAL_LETTERS_COUNT = 10;

    NewMember {
        holds = List.copyOf(holds);
    }

    /**
     * Looks at disks.
     *
     * @param scan what was found on them
     * @param asTheyAre whether the sector size of metadata that is there is forgotten
     * @param random where serials come from
     */
    static List<NewMember> look(
            DiskSet set, Scan scan, MetadataFormat format, boolean asTheyAre, RandomGenerator random)
            throws AssemblyRefused, ReadFailed {
        Set<String> taken = new HashSet<>();
        for (OpenDisk open : set.disks()) {
            String serial = reported(open, format);
            if (!serial.isEmpty() && !taken.add(serial)) {
                throw new AssemblyRefused(
                        AssemblyRefused.Reason.USAGE,
                        "two disks have the serial '%s'; give each its own with ,serial=".formatted(serial));
            }
        }
        List<NewMember> members = new ArrayList<>();
        for (OpenDisk open : set.disks()) {
            ScannedDisk scanned = scan.disks().get(open.number());
            String serial = reported(open, format);
            boolean generated = serial.isEmpty();
            while (generated && (serial.isEmpty() || !taken.add(serial))) {
                serial = freshSerial(random);
            }
            members.add(new NewMember(
                    open, geometry(open, scanned, asTheyAre), serial, generated, Inhabitants.of(open, scanned)));
        }
        return members;
    }

    private static String reported(OpenDisk open, MetadataFormat format) {
        return open.reported().map(format::normalSerial).orElse("");
    }

    private static DiskGeometry geometry(OpenDisk open, ScannedDisk scanned, boolean asTheyAre) throws AssemblyRefused {
        return (asTheyAre ? open.geometry() : scanned.geometry())
                .or(open::geometry)
                .or(scanned::geometry)
                .orElseThrow(() -> new AssemblyRefused(
                        AssemblyRefused.Reason.NO_ARRAY,
                        "%s has blocks of %d bytes, and no metadata can be on it"
                                .formatted(open.name(), open.device().limits().blockBytes())));
    }

    private static String freshSerial(RandomGenerator random) {
        StringBuilder serial = new StringBuilder("RD-");
        for (int i = 0; i < SERIAL_LETTERS_COUNT; i++) {
            serial.append(SERIAL_LETTERS.charAt(random.nextInt(SERIAL_LETTERS.length())));
        }
        return serial.toString();
    }

    NewMember withSerial(String known) {
        return new NewMember(open, geometry, known, generated, holds);
    }

    int number() {
        return open.number();
    }

    /** Keeps the serial with the disk; answers whether it will be known by it again without being told. */
    boolean keepSerial() {
        if (open.disk().isUri()) {
            return false;
        }
        Path path = Path.of(open.disk().location());
        return Files.isRegularFile(path)
                ? SerialSources.keep(path, serial)
                : !generated && open.origin() == KnownSerial.Origin.DEVICE;
    }
}
