using System.Globalization;

namespace PgCluster.Adapters.Postgres;

/// <summary>Finds PostgreSQL's programs.</summary>
public static class PostgresBinaries
{
    private static readonly (string Parent, string Prefix, string Suffix)[] Layouts =
    [
        ("/usr/lib/postgresql", "", "bin"), // Debian and Ubuntu
        ("/usr", "pgsql-", "bin"), // the PostgreSQL project's RPMs
    ];

    /// <summary>Directory of postgres and its companions.</summary>
    /// <param name="major">The major version; the newest installed one when null.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.MissingProgram"/> when it is not installed.</exception>
    public static string Find(int? major)
    {
        var best = (Major: 0, Directory: "");
        foreach (var (parent, prefix, suffix) in Layouts)
        {
            foreach (var directory in Directory.Exists(parent) ? Directory.GetDirectories(parent, prefix + "*") : [])
            {
                var bin = Path.Combine(directory, suffix);
                if (int.TryParse(Path.GetFileName(directory).AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var found)
                    && (major is null ? found > best.Major : found == major)
                    && File.Exists(Path.Combine(bin, "postgres")))
                {
                    best = (found, bin);
                }
            }
        }

        if (best.Major > 0)
        {
            return best.Directory;
        }

        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .FirstOrDefault(directory => File.Exists(Path.Combine(directory, "postgres")))
            ?? throw new PgClusterException(
                Reason.MissingProgram,
                $"The program 'postgres'{(major is null ? "" : string.Create(CultureInfo.InvariantCulture, $" of version {major}"))} is not installed; on Debian and Ubuntu it is in the package 'postgresql{(major is null ? "" : string.Create(CultureInfo.InvariantCulture, $"-{major}"))}'.");
    }

    /// <summary>Major version of a data directory; null when it has no PG_VERSION.</summary>
    public static int? ReadMajor(string dataDirectory)
    {
        var file = Path.Combine(dataDirectory, "PG_VERSION");
        return File.Exists(file) && int.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var major)
            ? major
            : null;
    }
}
