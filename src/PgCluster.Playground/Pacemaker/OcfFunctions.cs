namespace PgCluster.Playground.Pacemaker;

/// <summary>
/// The shell functions of the resource agents. Those of resource-agents 4.11 and 4.12 ask <c>crm_attribute</c> for a promotion score without saying whose, which Pacemaker answers with an error, and the
/// agent asks again for ever.
/// </summary>
internal static class OcfFunctions
{
    internal const string Installed = "/usr/lib/ocf/lib/heartbeat/ocf-shellfuncs";

    private const string Defect = "/crm_attribute -p $@";
    private const string Cure = "/crm_attribute -p \"$OCF_RESOURCE_INSTANCE\" \"$@\"";

    /// <summary>The installed functions without that defect; null when they do not have it.</summary>
    internal static string? Repair(string installed) => installed.Contains(Defect, StringComparison.Ordinal) ? installed.Replace(Defect, Cure, StringComparison.Ordinal) : null;
}
