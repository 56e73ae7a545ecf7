namespace PgCluster.Adapters.Switchover;

/// <summary>Names of the database objects, and what their absence looks like.</summary>
internal static class SwitchoverSql
{
    internal const string Schema = "pgcluster_switchover";
    internal const string Channel = "pgcluster_switchover";
    internal const string UndefinedTable = "42P01";
    internal const string LockNotAvailable = "55P03";

    internal static string NameOf(SwitchoverPointer pointer) => pointer switch
    {
        SwitchoverPointer.InProgress => "in_progress",
        SwitchoverPointer.UseNextDb => "use_next_db",
        _ => "idle",
    };

    internal static SwitchoverPointer ToPointer(string name) => name switch
    {
        "idle" => SwitchoverPointer.Idle,
        "in_progress" => SwitchoverPointer.InProgress,
        "use_next_db" => SwitchoverPointer.UseNextDb,
        _ => throw new PgClusterException(Reason.InvalidConfiguration, $"{Schema}.state holds '{name}', which no version of PgCluster writes."),
    };
}
