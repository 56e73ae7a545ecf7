namespace PgCluster;

/// <summary>Whether a line of a report is a step or the undo of one.</summary>
public enum StepPhase
{
    /// <summary>The step itself.</summary>
    Run = 0,

    /// <summary>The undo of a step.</summary>
    Undo,
}

/// <summary>How one step went.</summary>
/// <param name="Name">The plan step's name.</param>
/// <param name="Phase">The step or its undo.</param>
/// <param name="Node">The node or pooler it touched.</param>
/// <param name="StartedSeconds">Seconds after the operation began.</param>
/// <param name="ElapsedSeconds">Seconds it took.</param>
/// <param name="Succeeded">True when it did what it should.</param>
/// <param name="Detail">What it saw or did, with numbers; the error when it failed.</param>
public sealed record StepReport(
    string Name, StepPhase Phase, string Node, double StartedSeconds, double ElapsedSeconds, bool Succeeded, string Detail = "");
