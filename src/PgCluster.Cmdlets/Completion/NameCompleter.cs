using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace PgCluster.Cmdlets;

/// <summary>Completes names from what this runspace has seen. Never asks anybody, never throws.</summary>
public abstract class NameCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        try
        {
            var typed = (wordToComplete ?? "").Trim('\'', '"');
            var session = fakeBoundParameters?[nameof(ClusterCmdlet.Connection)] switch
            {
                PgClusterSession given => given,
                PSObject { BaseObject: PgClusterSession given } => given,
                string name => RunspaceSessions.Current.Open.FirstOrDefault(s => string.Equals(s.Cluster, name, StringComparison.OrdinalIgnoreCase)),
                _ => null,
            };
            return [.. Names(RunspaceSessions.Current, session ?? RunspaceSessions.Current.Default)
                .Where(n => n.StartsWith(typed, StringComparison.OrdinalIgnoreCase))
                .Distinct(StringComparer.Ordinal)
                .Order(StringComparer.OrdinalIgnoreCase)
                .Select(n => new CompletionResult(Quote(n), n, CompletionResultType.ParameterValue, n))];
        }
#pragma warning disable CA1031 // An error while somebody types would be shown in the middle of the line.
        catch (Exception)
#pragma warning restore CA1031
        {
            return [];
        }
    }

    /// <summary>The names to choose from.</summary>
    private protected abstract IEnumerable<string> Names(RunspaceSessions state, PgClusterSession? session);

    private static string Quote(string name) => name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-') && !name.StartsWith('-')
        ? name
        : $"'{CodeGeneration.EscapeSingleQuotedStringContent(name)}'";
}
