namespace PgCluster.Tests.HandoffDaemon;

/// <summary>What happens, a line each, in order and at once.</summary>
static class Lines
{
    static readonly Lock Sync = new();
    static readonly StreamWriter Output = new(Console.OpenStandardOutput()) { AutoFlush = true };

    public static void Say(string line)
    {
        lock (Sync)
        {
            Output.WriteLine(line);
        }
    }
}
