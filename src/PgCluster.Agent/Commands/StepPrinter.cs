namespace PgCluster.Agent.Commands;

/// <summary>Says on standard error which step begins: with --json one line each, which a supervisor can follow.</summary>
internal sealed class StepPrinter(bool json) : IOperationObserver
{
    public void StepStarting(PlanStep step, StepPhase phase) =>
        Console.Error.WriteLine(json ? $"step {step.Name} {phase}" : $"{(phase == StepPhase.Run ? "" : $"{phase} ".ToLowerInvariant())}{step.Name}: {step.Description}");

    public void StepFinished(StepReport step)
    {
    }
}
