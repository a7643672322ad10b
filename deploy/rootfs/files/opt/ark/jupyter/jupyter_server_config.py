# JupyterLab inside a workspace. Who may come in is the gateway's business: the
# server listens on a Unix socket that nobody else can reach. What may go out
# is the gateway's too; the settings here only spare users dead buttons.
c = get_config()  # noqa: F821

c.ServerApp.sock = "/run/ark/jupyter.sock"
c.ServerApp.sock_mode = "0600"
c.ServerApp.base_url = "/jupyter/"
c.ServerApp.root_dir = "/workspace"
c.FileContentsManager.preferred_dir = "/workspace/home"
c.ServerApp.ip = "localhost"  # not listened on; left out, it would try a TCP socket
c.ServerApp.default_url = "/lab"
c.ServerApp.open_browser = False
c.ServerApp.local_hostnames = ["localhost", "ws.localhost"]
c.ServerApp.allow_remote_access = True  # the Host header is the gateway's to check
c.ServerApp.allow_root = False
c.ServerApp.terminals_enabled = True
c.ServerApp.quit_button = False
c.ServerApp.use_redirect_file = False
c.ServerApp.answer_yes = True
c.ServerApp.jpserver_extensions = {
    "jupyterlab": True,
    "jupyter_server_terminals": True,
    "jupyter_lsp": False,
    "notebook_shim": False,
}
c.IdentityProvider.token = ""
c.PasswordIdentityProvider.hashed_password = ""
c.PasswordIdentityProvider.allow_password_change = False
# The gateway answers only for this origin and checks the Origin header itself.
c.ServerApp.disable_check_xsrf = False
c.ServerApp.allow_origin = ""

# There is no network, not even to oneself: kernels speak over Unix sockets.
c.KernelManager.transport = "ipc"
c.MappingKernelManager.default_kernel_name = "python3"
c.ContentsManager.allow_hidden = False
c.FileContentsManager.delete_to_trash = False
c.FileContentsManager.always_delete_dir = True
c.LabApp.extension_manager = "readonly"
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.core_mode = True  # what is installed, never a build of one's own
c.TerminalManager.cull_inactive_timeout = 0
