namespace PgCluster.Cmdlets;

/// <summary>Who runs the command, as histories, locks and leases name them.</summary>
internal static class Caller
{
    public static string Name => $"{Environment.UserName}@{Environment.MachineName}";
}
