using System.Diagnostics;
using PgCluster.Adapters.Postgres;
using PgCluster.Adapters.Process;

namespace PgCluster.Bench.Switchover;

/// <summary>The peer: pg_dump into a directory, then pg_restore into an empty database, two jobs each.</summary>
internal static class DumpAndRestore
{
    /// <summary>Moves a database; returns the seconds of both programs.</summary>
    public static async Task<(double Dump, double Restore)> MoveAsync(Site source, Site target, string from, string to, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("pgcluster-bench-").FullName;
        try
        {
            var dump = Path.Combine(directory, "dump");
            var began = Stopwatch.GetTimestamp();
            await RunAsync("pg_dump", source.Environment(from), cancellationToken, "-Fd", "-j2", "-f", dump);
            var dumped = Stopwatch.GetElapsedTime(began);
            await RunAsync("pg_restore", target.Environment(to), cancellationToken, "-j2", "-d", to, dump);
            return (dumped.TotalSeconds, (Stopwatch.GetElapsedTime(began) - dumped).TotalSeconds);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    /// <summary>Runs a program of PostgreSQL to its end.</summary>
    public static Task RunAsync(string program, Dictionary<string, string?> environment, CancellationToken cancellationToken, params string[] arguments) =>
        ProgramRunner.RunCheckedAsync(
            new ProgramCommand(Path.Combine(PostgresBinaries.Find(null), program), arguments) { Environment = environment },
            Reason.PlaygroundFailed, Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
}
