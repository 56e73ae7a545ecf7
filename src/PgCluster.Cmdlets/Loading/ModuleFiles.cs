namespace PgCluster.Cmdlets;

/// <summary>Where the module's own files are.</summary>
internal static class ModuleFiles
{
    /// <summary>The directory bin of the module.</summary>
    public static string Bin { get; } = Path.GetDirectoryName(typeof(ModuleFiles).Assembly.Location) ?? "";

    /// <summary>The executable of the agent that the module brings along; the one without a host program when that is not there.</summary>
    public static string Agent
    {
        get
        {
            var executable = Path.Combine(Bin, "agent", "pgcluster");
            return File.Exists(executable) ? executable : executable + ".dll";
        }
    }
}
