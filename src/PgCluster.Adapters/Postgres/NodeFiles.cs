using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Postgres;

/// <summary>
/// The files of a data directory that belong to the node and not to the data: its configuration, whatever that includes, certificates and keys. Both
/// pg_rewind and a base backup bring the source's instead.
/// </summary>
internal static class NodeFiles
{
    // A log that somebody writes into the data directory is no configuration.
    private const long MaxBytes = 16 << 20;
    private const int MaxDepth = 10;

    private static readonly HashSet<string> ServersOwn = new(StringComparer.Ordinal)
    {
        "PG_VERSION", "backup_label", "backup_label.old", "backup_manifest", "current_logfiles", "current_logfiles.tmp", "fallback_promote",
        "postgresql.auto.conf.tmp", "postmaster.opts", "postmaster.pid", "promote", "recovery.signal", "standby.signal", "tablespace_map",
        "tablespace_map.old",
    };

    /// <summary>Their paths, relative to the data directory.</summary>
    internal static IReadOnlyList<string> Find(string dataDirectory)
    {
        var found = TopLevel(dataDirectory).ToHashSet(StringComparer.Ordinal);
        foreach (var file in new[] { "postgresql.conf", PostgresAutoConf.FileName })
        {
            AddIncluded(dataDirectory, Path.Combine(dataDirectory, file), found, 0);
        }

        return [.. found.Order(StringComparer.Ordinal)];
    }

    internal static void Copy(string from, IEnumerable<string> files, string to, OsAccount? owner)
    {
        PrivateDirectory.Create(to, owner);
        foreach (var file in files)
        {
            var folder = to;
            foreach (var part in file.Split(Path.DirectorySeparatorChar)[..^1])
            {
                folder = Path.Combine(folder, part);
                PrivateDirectory.Create(folder, owner);
            }

            PrivateDirectory.CopyFile(Path.Combine(from, file), Path.Combine(to, file), owner);
        }
    }

    /// <summary>Puts saved files into a data directory and takes away those beside them that came from elsewhere.</summary>
    internal static void Restore(string saved, string dataDirectory, OsAccount? owner)
    {
        var own = Directory.EnumerateFiles(saved, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(saved, path)).ToList();
        foreach (var foreign in TopLevel(dataDirectory).Except(own, StringComparer.Ordinal))
        {
            File.Delete(Path.Combine(dataDirectory, foreign));
        }

        Copy(saved, own, dataDirectory, owner);
    }

    private static IEnumerable<string> TopLevel(string dataDirectory) =>
        new DirectoryInfo(dataDirectory).EnumerateFiles()
            .Where(file => !ServersOwn.Contains(file.Name) && (file.LinkTarget is not null || file.Length <= MaxBytes))
            .Select(file => file.Name);

    /// <summary>Follows include, include_if_exists and include_dir, as far as they stay inside the data directory.</summary>
    private static void AddIncluded(string dataDirectory, string file, HashSet<string> found, int depth)
    {
        if (depth > MaxDepth || !File.Exists(file))
        {
            return;
        }

        foreach (var line in File.ReadLines(file))
        {
            var words = line.TrimStart();
            var isDirectory = words.StartsWith("include_dir", StringComparison.OrdinalIgnoreCase);
            if (!words.StartsWith("include", StringComparison.OrdinalIgnoreCase) || words.IndexOfAny([' ', '\t', '\'', '=']) is not (> 0 and var end))
            {
                continue;
            }

            var value = words[end..].TrimStart(' ', '\t', '=');
            var path = value.StartsWith('\'') ? value[1..].Split('\'')[0] : value.Split(' ', '\t', '#')[0];
            var full = Path.GetFullPath(path, Path.GetDirectoryName(file)!);
            var included = !isDirectory ? [full] : Directory.Exists(full) ? Directory.GetFiles(full, "*.conf") : [];
            foreach (var one in included.Where(one => one.StartsWith(dataDirectory + "/", StringComparison.Ordinal) && File.Exists(one)))
            {
                if (found.Add(Path.GetRelativePath(dataDirectory, one)))
                {
                    AddIncluded(dataDirectory, one, found, depth + 1);
                }
            }
        }
    }
}
