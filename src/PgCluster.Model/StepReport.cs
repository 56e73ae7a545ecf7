namespace PgCluster;

/// <summary>How one step went.</summary>
/// <param name="Name">The plan step's name.</param>
/// <param name="Phase">The step, its undo, or what it gives back at the end.</param>
/// <param name="Node">The node or pooler it touched.</param>
/// <param name="StartedSeconds">Seconds after the operation began.</param>
/// <param name="ElapsedSeconds">Seconds it took.</param>
/// <param name="Succeeded">True when it did what it should.</param>
/// <param name="Detail">What it saw or did, with numbers; the error when it failed.</param>
public sealed record StepReport(
    string Name, StepPhase Phase, string Node, double StartedSeconds, double ElapsedSeconds, bool Succeeded, string Detail = "");
