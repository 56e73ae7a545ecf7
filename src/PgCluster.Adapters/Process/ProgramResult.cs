namespace PgCluster.Adapters.Process;

/// <summary>How a program ended.</summary>
/// <param name="ExitCode">Its exit code; 128 and the signal's number when a signal ended it.</param>
/// <param name="Output">What it wrote to standard output.</param>
/// <param name="Error">What it wrote to standard error.</param>
public sealed record ProgramResult(int ExitCode, string Output, string Error);
