package redoubt.assembly;

import java.util.Optional;
import redoubt.metadata.DiskGeometry;
import redoubt.metadata.Finding;

/**
 * What was found on a disk.
 *
 * @param number its place in the list that the user gave, from 0
 * @param disk as the user named it
 * @param sizeBytes its size
 * @param geometry size and the sector size in which metadata was looked for; absent where no metadata can be
 * @param serial the serial in the format's normal form, where anybody knows it
 * @param format the format whose metadata is there
 * @param finding what the format found; absent where no format found anything
 * @param role what it is good for
 * @param because a sentence that says why
 */
public record ScannedDisk(
        int number,
        Disk disk,
        long sizeBytes,
        Optional<DiskGeometry> geometry,
        Optional<KnownSerial> serial,
        Optional<String> format,
        Optional<Finding> finding,
        Role role,
        String because) {

    /** What a disk is good for. */
    public enum Role {
        /** Stands for an entry of its container's table. */
        MEMBER("member"),
        /** A spare of its container. */
        SPARE("spare"),
        /** A member of its container, but nothing tells which. */
        UNPLACED("unplaced"),
        /** Was a member once; what it holds is old and is not read. */
        STALE("stale"),
        /** Has nothing to do with any container that was found. */
        FOREIGN("foreign"),
        /** Carries metadata that is damaged. */
        DAMAGED("damaged"),
        /** Carries no metadata that is known here. */
        BARE("no metadata"),
        /** Could not be read. */
        UNREADABLE("unreadable");

        private final String word;

        Role(String word) {
            this.word = word;
        }

        /** The word for users. */
        public String word() {
            return word;
        }
    }

    ScannedDisk in(Role next, String why) {
        return new ScannedDisk(number, disk, sizeBytes, geometry, serial, format, finding, next, why);
    }

    ScannedDisk known(KnownSerial known) {
        return new ScannedDisk(number, disk, sizeBytes, geometry, Optional.of(known), format, finding, role, because);
    }
}
