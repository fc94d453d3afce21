package redoubt.metadata;

import java.util.Optional;

/**
 * A disk that may belong to a container.
 *
 * @param disk the caller's number for it
 * @param geometry its size and sector size
 * @param serial its serial, where known, already in the format's own normal form
 * @param finding what the format found on it
 */
public record Candidate(int disk, DiskGeometry geometry, Optional<String> serial, Finding finding) {}
