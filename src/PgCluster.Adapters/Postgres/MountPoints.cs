namespace PgCluster.Adapters.Postgres;

/// <summary>Where file systems are mounted.</summary>
internal static class MountPoints
{
    /// <summary>True when a directory is the root of a file system; false as well where that cannot be found out.</summary>
    internal static bool Contains(string path)
    {
        const string Table = "/proc/self/mountinfo";
        if (!File.Exists(Table))
        {
            return false;
        }

        // The fifth word is the mount point, with blanks written as octal numbers.
        var escaped = path.Replace("\\", "\\134", StringComparison.Ordinal).Replace(" ", "\\040", StringComparison.Ordinal)
            .Replace("\t", "\\011", StringComparison.Ordinal).Replace("\n", "\\012", StringComparison.Ordinal);
        return File.ReadLines(Table).Any(line => line.Split(' ') is { Length: > 4 } words && words[4] == escaped);
    }
}
