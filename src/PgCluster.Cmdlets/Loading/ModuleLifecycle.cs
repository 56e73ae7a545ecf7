using System.Management.Automation;
using System.Runtime.Loader;

namespace PgCluster.Cmdlets;

/// <summary>Hooks the module's dependencies in on import and out on removal.</summary>
public sealed class ModuleLifecycle : IModuleAssemblyInitializer, IModuleAssemblyCleanup
{
    private static readonly Lock Gate = new();
    private static int _imports;

    /// <inheritdoc/>
    public void OnImport()
    {
        lock (Gate)
        {
            // Several runspaces import the same assembly; the handler stays until the last one removes it.
            if (_imports++ == 0)
            {
                AssemblyLoadContext.Default.Resolving += DependencyLoadContext.OnResolving;
            }
        }
    }

    /// <inheritdoc/>
    public void OnRemove(PSModuleInfo psModuleInfo)
    {
        lock (Gate)
        {
            if (_imports > 0 && --_imports == 0)
            {
                AssemblyLoadContext.Default.Resolving -= DependencyLoadContext.OnResolving;
            }
        }
    }
}
