namespace PgCluster.Adapters.PgBouncer;

/// <summary>The console's commands as text.</summary>
internal static class ConsoleCommands
{
    /// <summary>SQLSTATE of everything the console refuses: no rights, no such database, paused already, not paused, unknown command.</summary>
    public const string Refused = "08P01";

    /// <summary>A command on one database. Quoted always: the console folds and splits bare words.</summary>
    public static string On(string command, string database) =>
        $"{command} \"{database.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
