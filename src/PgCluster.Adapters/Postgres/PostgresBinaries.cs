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

    /// <summary>Path of a client program, which may be there without a server: of the newest major version, else the one on PATH; null when there is none.</summary>
    /// <param name="program">Its name.</param>
    public static string? FindClient(string program) =>
        (FindNewest(null, program) ?? OnPath(program)) is { } directory ? Path.Combine(directory, program) : null;

    /// <summary>Directory of postgres and its companions.</summary>
    /// <param name="major">The major version; the newest installed one when null.</param>
    /// <exception cref="PgClusterException"><see cref="Reason.MissingProgram"/> when it is not installed.</exception>
    public static string Find(int? major) => FindNewest(major, "postgres") ?? OnPath("postgres")
        ?? throw new PgClusterException(
            Reason.MissingProgram,
            $"The program 'postgres'{(major is null ? "" : string.Create(CultureInfo.InvariantCulture, $" of version {major}"))} is not installed; on Debian and Ubuntu it is in the package 'postgresql{(major is null ? "" : string.Create(CultureInfo.InvariantCulture, $"-{major}"))}'.");

    /// <summary>Major version of a data directory; null when it has no PG_VERSION.</summary>
    public static int? ReadMajor(string dataDirectory)
    {
        var file = Path.Combine(dataDirectory, "PG_VERSION");
        return File.Exists(file) && int.TryParse(File.ReadAllText(file).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var major)
            ? major
            : null;
    }

    private static string? FindNewest(int? major, string program)
    {
        var best = (Major: 0, Directory: "");
        foreach (var (parent, prefix, suffix) in Layouts)
        {
            foreach (var directory in Directory.Exists(parent) ? Directory.GetDirectories(parent, prefix + "*") : [])
            {
                var bin = Path.Combine(directory, suffix);
                if (int.TryParse(Path.GetFileName(directory).AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var found)
                    && (major is null ? found > best.Major : found == major)
                    && File.Exists(Path.Combine(bin, program)))
                {
                    best = (found, bin);
                }
            }
        }

        return best.Major > 0 ? best.Directory : null;
    }

    private static string? OnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .FirstOrDefault(directory => File.Exists(Path.Combine(directory, program)));
}
