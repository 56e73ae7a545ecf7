using System.Globalization;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;

namespace PgCluster.Adapters.Switchover;

/// <summary>pg_dump and the pg_restore beside it.</summary>
/// <param name="Dump">Path of pg_dump.</param>
/// <param name="Major">Its major version: it reads servers up to that.</param>
internal sealed record SchemaTool(string Dump, int Major)
{
    private static readonly TimeSpan Budget = TimeSpan.FromSeconds(20);

    /// <summary>Path of pg_restore.</summary>
    internal string Restore => Path.Combine(Path.GetDirectoryName(Dump)!, "pg_restore");

    /// <summary>The newest of this machine; null when there is none.</summary>
    internal static async Task<SchemaTool?> FindAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        if (PostgresBinaries.FindClient("pg_dump") is not { } dump)
        {
            return null;
        }

        var said = await ProgramRunner.RunCheckedAsync(new ProgramCommand(dump, ["--version"]), Reason.MissingProgram, Budget, time, cancellationToken)
            .ConfigureAwait(false);
        return new SchemaTool(dump, ReadMajor(said)
            ?? throw new PgClusterException(Reason.MissingProgram, $"'{dump} --version' names no version: {said.Trim()}"));
    }

    /// <summary>Reads "pg_dump (PostgreSQL) 15.14 (Debian …)"; null when it is something else.</summary>
    internal static int? ReadMajor(string said)
    {
        var digits = said.AsSpan(Math.Max(0, said.IndexOf(')', StringComparison.Ordinal) + 1)).Trim();
        var end = digits.IndexOfAnyExceptInRange('0', '9');
        return int.TryParse(end < 0 ? digits : digits[..end], NumberStyles.None, CultureInfo.InvariantCulture, out var major) ? major : null;
    }
}
