namespace PgCluster.Agent.Commands;

/// <summary>Who runs this process, as histories and locks name them.</summary>
internal static class Caller
{
    public static string Name => $"{Environment.UserName}@{Environment.MachineName}";
}
