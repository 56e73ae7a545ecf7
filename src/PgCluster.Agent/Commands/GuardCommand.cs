using PgCluster.Adapters.Guard;
using PgCluster.Agent.Daemons;

namespace PgCluster.Agent.Commands;

/// <summary><c>pgcluster guard DATA_DIRECTORY</c>: what an agent starts beside itself. No command of people, so it is in no help.</summary>
internal static class GuardCommand
{
    public const string Name = "guard";

    /// <summary>How this very program is started as a guard, before the data directory.</summary>
    public static IReadOnlyList<string> Line => [.. OwnProgram.Words, Name];

    public static async Task<int> RunAsync(string dataDirectory)
    {
        await GuardLoop.RunAsync(dataDirectory, Console.Error, TimeProvider.System).ConfigureAwait(false);
        return 0;
    }
}
